"""What long work says on standard error: a bar where a person watches, else a plain line now and then."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from triage.cli.terminal import one_line

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from triage.model.base import Progress
    from triage.model.outcome import Outcome

_FIRST_SECONDS = 5.0
"""Until the first line on how far it is: what is over sooner needs none."""
_SLOWEST_SECONDS = 60.0
"""Between two such lines at most: CI systems take a job that says nothing for minutes for dead."""
_SHARE_OF_TIME = 0.2
"""Of the time so far, until the next line: ten minutes of work are about fifteen lines in a log."""
_LEAST_DONE = 0.05
"""Share of the steps from which the time left can be told."""
_MOST_NAMED = 20
"""Failures that are named while the work goes on; the end of the run has them by cluster."""
_REASON_CHARS = 100
"""Of a failure's reason, beside its test."""


def in_words(seconds: float) -> str:
    """A duration as people say it: `45 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def time_left(done: int, total: int, seconds: float, most_seconds: float | None = None) -> str:
    """How long it may take yet, by what it took so far and by its limit; empty where that cannot be told."""
    if done >= total:
        return ""
    left_of_limit = None if most_seconds is None else max(most_seconds - seconds, 0.0)
    if done < total * _LEAST_DONE:
        return "" if left_of_limit is None else f", at most {in_words(left_of_limit)} left"
    left = seconds / done * (total - done)
    if left_of_limit is not None and left_of_limit < left:
        return f", at most {in_words(left_of_limit)} left: some are left out"
    return f", about {in_words(left)} left"


class _Failures:
    """Lines on what failed, of many the first."""

    def __init__(self) -> None:
        self._named = 0

    def line(self, label: str, outcome: Outcome | None, reason: str) -> str | None:
        """The line for a finished test; None where nothing is to be said of it."""
        if outcome is None or not outcome.has_failures:
            return None
        self._named += 1
        if self._named > _MOST_NAMED + 1:
            return None
        if self._named == _MOST_NAMED + 1:
            return "more tests fail: they are counted, and named at the end"
        first = " ".join(reason.split())
        shown = first if len(first) <= _REASON_CHARS else f"{first[:_REASON_CHARS]}..."
        return f"{outcome.upper()} {label}" + (f" - {shown}" if shown else "")


class PlainProgress:
    """A line now and then: for CI logs and pipes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` is monotonic, in seconds."""
        self._clock = clock
        self._failures = _Failures()
        self._done = self._total = 0
        self._most_seconds: float | None = None
        self._began = clock()
        self._next = self._began + _FIRST_SECONDS

    def start(self, total: int, what: str, most_seconds: float | None = None) -> None:
        """A new stretch of `total` steps begins."""
        self._done, self._total, self._most_seconds = 0, total, most_seconds
        self._began = self._clock()
        self._next = self._began + _FIRST_SECONDS
        _line(what)

    def step(self, label: str, outcome: Outcome | None = None, reason: str = "") -> None:
        """One step is done; tests that fail are named."""
        self._done += 1
        line = self._failures.line(label, outcome, reason)
        if line is not None:
            _line(line)
        now = self._clock()
        if now >= self._next:
            spent = now - self._began
            self._next = now + min(max(_FIRST_SECONDS, spent * _SHARE_OF_TIME), _SLOWEST_SECONDS)
            _line(self._so_far(spent, label))

    def note(self, text: str) -> None:
        """One line that people should see."""
        _line(text)

    def finish(self) -> None:
        """The stretch is over."""
        if self._done < self._total:
            _line(f"  ended behind {self._done} of {self._total}")

    def _so_far(self, spent: float, label: str) -> str:
        if self._total:
            left = time_left(self._done, self._total, spent, self._most_seconds)
            return f"  {self._done} of {self._total} after {in_words(spent)}{left}"
        return f"  {label} after {in_words(spent)}"  # nobody has announced how many steps there are


class BarProgress:
    """A bar on a terminal."""

    def __init__(self) -> None:
        self._failures = _Failures()
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def start(self, total: int, what: str, most_seconds: float | None = None) -> None:
        """A new stretch of `total` steps begins; the bar tells the time left by the steps alone."""
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self.finish()
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(one_line(what), total=total)
        self._bar.start()

    def step(self, label: str, outcome: Outcome | None = None, reason: str = "") -> None:
        """One step is done; tests that fail are named above the bar."""
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task)
            line = self._failures.line(label, outcome, reason)
            if line is not None:
                self.note(line)

    def note(self, text: str) -> None:
        """One line above the bar."""
        if self._bar is None:
            _line(text)
        else:
            self._bar.console.print(one_line(text), markup=False, highlight=False, soft_wrap=True)

    def finish(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
        self._bar = self._task = None


def progress_for(stream_is_terminal: bool, clock: Callable[[], float]) -> Progress:
    """A bar where a person watches, lines elsewhere."""
    return BarProgress() if stream_is_terminal else PlainProgress(clock)


def _line(text: str) -> None:
    print(one_line(text), file=sys.stderr, flush=True)

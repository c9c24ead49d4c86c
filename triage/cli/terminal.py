"""What reaches a person's terminal: safe text, progress on long work."""

from __future__ import annotations

import re
import sys
import time
from datetime import date
from typing import TYPE_CHECKING

from triage.text.pattern import pattern

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from triage.model.base import Progress
    from triage.model.outcome import Outcome
    from triage.model.quarantine import Quarantine
    from triage.model.run import Counts

_CONTROL = pattern(
    r"""
    [\x00-\x08\x0b-\x1f\x7f-\x9f]        # control characters, but for tab and newline
    | [\u2028\u2029]                       # line and paragraph separators
    | [\u202a-\u202e\u2066-\u2069]         # changes of the direction of writing
    | [\ud800-\udfff]                      # halves of a character
    """,
    matches=["\x1b[31m", "a\rb", "\u202e", "\x9b2J", "\udc80"],
    rejects=["plain\ttext\n", "Grüße", "∂"],
)
_CI_COMMAND = pattern(
    r"^(\s*) (::|\#\#\[)",
    matches=["::error::x", "  ##[group]", "text\n::set-env x"],
    rejects=["a::b", "tests/test_a.py::test_b", "# ##[x"],
    flags=re.MULTILINE,
)
_PLAIN_SECONDS = 5.0
"""Between two lines of progress: often enough that a CI system does not take the job for dead."""


def safe(text: str) -> str:
    """The text with control characters spelled out, so that nothing in it acts on a terminal or a CI.

    A line that would begin with `::` or `##[` (commands to a CI system) gets a leading bar.
    """
    spelled = _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
    return _CI_COMMAND.sub(r"\1|\2", spelled)


def one_line(text: str) -> str:
    """Safe text on a single line."""
    return safe(text).replace("\n", "\\n").replace("\t", " ")


def counted(counts: Counts) -> str:
    """How many tests had each outcome that occurs: `3 passed, 1 not run`."""
    numbers = counts.model_dump(exclude={"collected"})
    words = []
    for name, number in numbers.items():
        noun = "collect error" if name == "collect_errors" and number == 1 else name.replace("_", " ")
        if number:
            words.append(f"{number} {noun}")
    return ", ".join(words) or "nothing"


class PlainProgress:
    """A line every few seconds: for CI logs and pipes."""

    def __init__(self, seconds: float = _PLAIN_SECONDS) -> None:
        self._every = seconds
        self._last = 0.0
        self._done = self._total = 0
        self._what = ""

    def start(self, total: int, what: str) -> None:
        """A new stretch of `total` steps begins."""
        self._done, self._total, self._what = 0, total, what
        self._last = time.monotonic()
        _line(f"{what}: {total}")

    def step(self, label: str, outcome: Outcome | None = None) -> None:
        """One step is done; red and flaky outcomes are always named."""
        self._done += 1
        now = time.monotonic()
        if outcome is not None and outcome.has_failures:
            _line(f"{outcome.upper()} {label}")
        if now - self._last >= self._every:
            self._last = now
            _line(self._so_far(label))

    def note(self, text: str) -> None:
        """One line that people should see."""
        _line(text)

    def finish(self) -> None:
        """The stretch is over."""
        if self._done < self._total:
            _line(self._so_far(""))

    def _so_far(self, label: str) -> str:
        if self._total:
            return f"{self._what}: {self._done}/{self._total}"
        return f"{self._done} done, {label}" if label else f"{self._done} done"


class BarProgress:
    """A bar on a terminal."""

    def __init__(self) -> None:
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def start(self, total: int, what: str) -> None:
        """A new stretch of `total` steps begins."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self.finish()
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(what, total=total)
        self._bar.start()

    def step(self, label: str, outcome: Outcome | None = None) -> None:
        """One step is done."""
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task)
            if outcome is not None and outcome.has_failures:
                self.note(f"{outcome.upper()} {label}")

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


def progress_for(stream_is_terminal: bool) -> Progress:
    """A bar where a person watches, lines elsewhere."""
    return BarProgress() if stream_is_terminal else PlainProgress()


def _line(text: str) -> None:
    print(one_line(text), file=sys.stderr, flush=True)


def quarantine_line(quarantine: Quarantine, today: date) -> str:
    """What is in quarantine, until or since when, who answers for it, and why."""
    return f"{quarantine.subject} {quarantine.in_words(today)}"

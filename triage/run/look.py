"""Run the red tests of a run once more under a tracer, beside some green ones, and keep what they execute.

What a red test executes, what gave its wrong value and how that differs from what was due says which failures
have one cause; green tests of the same files tell what is not to blame. The traced run decides no outcome.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from triage.model.base import Progress
from triage.model.look import DOCUMENT, FOLDER, LookDocument
from triage.model.nodeid import file_of
from triage.model.outcome import Outcome
from triage.model.run import Key, Suite
from triage.process.stopping import StopOrDeadline
from triage.run.chunk import ChunkProgress, ChunkRunner, RequestMaker
from triage.run.look_document import DocumentBuilder
from triage.run.run_store import RunStore
from triage.run.workers import StopCondition, run_jobs
from triage.text.plural import counted_noun

MODULE = "triage.instruments.look"
"""Loaded by the recorder of a traced process."""
_MOST_RED = 400
"""Red tests that are looked at; of more, every n-th. One cause seldom has so many faces."""
_GREEN_PER_RED = 3
_FEW_GREEN = 30
"""So many green tests are looked at however few are red: of three, each would weigh too much."""
_SLOWER = 4.0
"""How many times longer a traced test takes, before it was tried: pure Python under `sys.settrace`."""
_MOST_IN_PLACE = 10
"""Tests that pass in the look and are run again behind those that preceded them: each costs a chunk."""


@dataclass(frozen=True)
class _Known:
    """A test as the run left it."""

    key: Key
    outcome: Outcome
    seconds: float
    preceding: tuple[Key, ...] = ()
    """The tests that ran before it in its process; of red tests only."""

    @property
    def file(self) -> str:
        return file_of(self.key[0])


@dataclass
class TracedLook:
    """The traced run behind one run."""

    suite: Suite
    store: RunStore
    runner: ChunkRunner
    make_request: Callable[[dict[str, Any]], RequestMaker]
    """From the settings of the look to what makes the requests of its processes."""
    stop: StopCondition
    monotonic: Callable[[], float]
    progress: Progress
    notes: list[str] = field(default_factory=list)

    def run(self, chunks: Sequence[ChunkProgress]) -> None:
        """Look at the red tests of the chunks and write the evidence."""
        if not self.suite.look_budget:
            return
        known = [test for chunk in chunks for test in _known_tests(chunk)]
        red = _spread([test for test in known if _can_be_traced(test)], _MOST_RED)
        if not red:
            return
        self._deadline = StopOrDeadline.after(self.suite.look_budget, self.stop, self.monotonic)
        red = self._affordable(red)
        green = _neighbours(red, [test for test in known if test.outcome is Outcome.PASSED])
        green = green[: self._affordable_green(red, green)]
        self._runner = replace(
            self.runner,
            scratch=self.store.scratch / FOLDER,
            stop=self._deadline,
            on_event=self._on_event,
            doubts=False,
        )
        self._builder = DocumentBuilder()
        beside = f", and {counted_noun(len(green), 'green one')} beside them" if green else ""
        what = f"tracing {counted_noun(len(red), 'red test')}{beside}"
        self.progress.start(len(red) + len(green), what, self.suite.look_budget)
        self._look_in_turn(chunks, red, green)
        self._look_in_place(red)
        self.progress.finish()
        if self.stop.signal is not None:
            return  # a resumed run looks again
        self._write(self._builder.document())

    def _affordable(self, red: Sequence[_Known]) -> list[_Known]:
        """The red tests that the budget has time for: quick ones first, so that it is most of them."""
        chosen: set[Key] = set()
        seconds = 0.0
        for test in sorted(red, key=lambda test: test.seconds):
            seconds += _SLOWER * test.seconds
            if seconds > self.suite.look_budget:
                break
            chosen.add(test.key)
        if len(chosen) < len(red):
            left_out = counted_noun(len(red) - len(chosen), "red test")
            self.notes.append(f"{left_out} not looked at under the tracer, for want of time (look-budget)")
        return [test for test in red if test.key in chosen]

    def _affordable_green(self, red: Sequence[_Known], green: Sequence[_Known]) -> int:
        """How many of the green tests, which come in the order of their worth, there is time for."""
        seconds = sum(_SLOWER * test.seconds for test in red)
        for number, test in enumerate(green):
            seconds += test.seconds  # only first entries are traced: that costs little
            if seconds > self.suite.look_budget:
                return number
        return len(green)

    def _look_in_turn(
        self, chunks: Sequence[ChunkProgress], red: Sequence[_Known], green: Sequence[_Known]
    ) -> None:
        """One process for each chunk that has any of the tests, which keep their order."""
        closely = {test.key for test in red}
        wanted = closely | {test.key for test in green}
        jobs = []
        for chunk in chunks:
            keys = [key for key in chunk.keys if key in wanted]
            if keys:
                jobs.append(ChunkProgress(f"{chunk.name}-look", keys))
        request = self.make_request({"module": MODULE, "closely": [list(key) for key in sorted(closely)]})
        run_jobs(
            jobs,
            self.suite.workers,
            lambda job: self._runner.run(job, request),
            tick=lambda: None,
            fail=self.stop.fail,
        )

    def _look_in_place(self, red: Sequence[_Known]) -> None:
        """Red tests that passed in the look, and may need what ran before them in the suite."""
        passed = [
            test for test in red if self._builder.outcome(test.key) is Outcome.PASSED and test.preceding
        ]
        # tests that run for the sake of one behind them are no steps of the work that was announced
        runner = replace(self._runner, on_event=self._take_look)
        for number, test in enumerate(passed[:_MOST_IN_PLACE], 1):
            if self._deadline():
                return
            request = self.make_request({"module": MODULE, "closely": [list(test.key)], "only_closely": True})
            chunk = ChunkProgress(f"look-in-place-{number}", (*test.preceding, test.key))
            runner.attempt(chunk, request, chunk.keys)

    def _on_event(self, chunk: ChunkProgress, attempt: int, payload: bytes, event: Any) -> None:
        if event.get("e") == "finish":
            self.progress.step(chunk.last_finished[0])
        self._take_look(chunk, attempt, payload, event)

    def _take_look(self, chunk: ChunkProgress, _attempt: int, _payload: bytes, event: Any) -> None:
        match event.get("e"):
            case "look" if "executed" in event:
                key = chunk.last_finished
                result = chunk.results.get(key)
                if result is not None:
                    self._builder.add(key, result, event)
            case "look":
                self.notes.append(event.get("trouble", "a look failed"))

    def _write(self, document: LookDocument) -> None:
        troubles = sorted({test.trouble for test in document.tests if test.trouble})
        self.notes += [f"traced run: {trouble}" for trouble in troubles]
        # the recorder redacted every text
        self.store.put_json(f"{FOLDER}/{DOCUMENT}", {}, clean=document.model_dump(mode="json"))


def _known_tests(chunk: ChunkProgress) -> list[_Known]:
    """The chunk's tests that have an outcome; red ones with what ran before them in their process."""
    sequences = {finished.attempt.number: tuple(finished.reader.finished) for finished in chunk.attempts}
    known = []
    for key in chunk.keys:
        result = chunk.results.get(key)
        if result is None:
            continue
        preceding: tuple[Key, ...] = ()
        if result.outcome.has_failures:
            sequence = sequences.get(result.attempt or 0, ())
            preceding = sequence[: sequence.index(key)] if key in sequence else ()
        known.append(_Known(key, result.outcome, result.duration or 0.0, preceding))
    return known


def _can_be_traced(test: _Known) -> bool:
    """Whether a test is red and neither kills its process nor hangs."""
    return test.outcome.has_failures and not test.outcome.is_cut_short


def _spread(tests: Sequence[_Known], most: int) -> list[_Known]:
    """At most so many of the tests, evenly spread over their order."""
    if len(tests) <= most:
        return list(tests)
    return [tests[number * len(tests) // most] for number in range(most)]


def _neighbours(red: Sequence[_Known], green: Sequence[_Known]) -> list[_Known]:
    """Green tests to compare with, the best first: of the files of red tests, then of all other files.

    Each file gives the same number as far as it has so many: what one file's tests execute is much the same.
    """
    most = max(_FEW_GREEN, _GREEN_PER_RED * len(red))
    red_files = {test.file for test in red}
    by_file: Mapping[bool, dict[str, list[_Known]]] = {True: defaultdict(list), False: defaultdict(list)}
    for test in green:
        by_file[test.file in red_files][test.file].append(test)
    chosen: list[_Known] = []
    for is_near in (True, False):
        queues = [_spread(tests, most) for tests in by_file[is_near].values()]
        while any(queues) and len(chosen) < most:
            for queue in queues:
                if queue and len(chosen) < most:
                    chosen.append(queue.pop(len(queue) // 2))
    return chosen

"""Run red tests again at the end of a run: alone, and where that is green, behind those that ran before."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from triage.model.base import Progress
from triage.model.outcome import Outcome
from triage.model.reruns import (
    FOLDER,
    Place,
    Rerun,
    RerunDocument,
    RerunTest,
    concluded,
    next_place,
    too_many_red,
)
from triage.model.run import Key, Suite, TestResult
from triage.process.api import LOG
from triage.process.stopping import StopOrDeadline
from triage.run.chunk import ChunkProgress, ChunkRunner, RequestMaker, tail_of
from triage.run.run_store import RunStore, record_line
from triage.run.shared_things import waits_for_others
from triage.run.workers import StopCondition, run_jobs
from triage.text.plural import counted_noun

_TRIES = {Place.ALONE: 2, Place.IN_PLACE: 4}
"""Processes for one rerun that gives no outcome. In its place another test may end the process: one that does
so half the time does it four times in a row in 1 of 16 runs."""


@dataclass(frozen=True)
class _RedTest:
    """A red test and how it came about."""

    key: Key
    result: TestResult
    preceding: tuple[Key, ...]
    """The tests that ran before it in its process, in their order."""
    expected: Mapping[Place, float]
    """Seconds that a run takes if it takes as long as in the suite."""
    may_share: bool
    """Whether other chunks ran at the same time, and it failed as one does that waits for what they hold."""


@dataclass
class Reruns:
    """The reruns of one run."""

    suite: Suite
    store: RunStore
    runner: ChunkRunner
    make_request: RequestMaker
    stop: StopCondition
    monotonic: Callable[[], float]
    progress: Progress
    executions: Mapping[str, int] = field(default_factory=dict)
    """Of tests on record as flaky: reds in a row that their recorded rates would hardly let happen."""
    notes: list[str] = field(default_factory=list)
    """What was not run again, and why."""

    def run(self, chunks: Sequence[ChunkProgress]) -> None:
        """Run the red tests of the chunks again, give each its outcome, write the evidence."""
        planned = sum(len(chunk.keys) for chunk in chunks)
        if self.suite.failed is not None:  # the suite is as large as it was
            planned = max(planned, self.suite.failed.tests)
        red = [test for chunk in chunks for test in _red_tests(chunk, self.suite)]
        if not red or self.suite.reruns == 0:
            return
        if too_many_red(len(red), planned):
            self.notes.append(f"{len(red)} of {planned} tests are red: none of them was run again")
            return
        self._begin()
        what = f"running {counted_noun(len(red), 'red test')} again"
        self.progress.start(len(red), what, self.suite.rerun_budget)
        tests: dict[Key, RerunTest] = {}

        def run_again(test: _RedTest) -> None:
            tests[test.key] = self._run_test(test)

        # what is quick comes first: a test that hung may take all the time that is left
        in_order = sorted(red, key=lambda test: test.expected[Place.ALONE])
        # what may have been kept waiting by another chunk runs with no other process beside it
        groups = (
            ([test for test in in_order if not test.may_share], self.suite.workers),
            ([test for test in in_order if test.may_share], 1),
        )
        for tests_of_group, workers in groups:
            run_jobs(tests_of_group, workers, run_again, tick=lambda: None, fail=self.stop.fail)
        self.progress.finish()
        if self.stop.signal is not None:
            return  # a resumed run runs them again
        self._conclude(chunks, [tests[test.key] for test in red])

    def _begin(self) -> None:
        self._stop = StopOrDeadline.after(self.suite.rerun_budget, self.stop, self.monotonic)
        shutil.rmtree(self.store.scratch / FOLDER, ignore_errors=True)  # of a run that was cut short
        self._numbers = itertools.count(1)
        self._lines: list[bytes] = []
        self._without_time: set[Key] = set()
        self._runner = replace(
            self.runner,
            scratch=self.store.scratch / FOLDER,
            stop=self._stop,
            on_event=self._on_event,
        )

    def _run_test(self, test: _RedTest) -> RerunTest:
        nodeid, nth = test.key
        row = RerunTest(
            nodeid=nodeid,
            nth=nth,
            first=test.result.outcome,
            has_predecessors=bool(test.preceding),
            beside_others=test.may_share,
            most=self._most_alone(test),
        )
        while (place := next_place(row)) is not None:
            rerun = self._run_once(test, place)
            if rerun is None:
                break
            row = row.model_copy(update={"runs": (*row.runs, rerun)})
        outcome, _ = concluded(row)
        # red again is no news: its failure was named when it first happened
        self.progress.step(nodeid, outcome if outcome.is_flaky else None)
        return row

    def _most_alone(self, test: _RedTest) -> int:
        """As the setting says; of a flaky test as many as tell chance from steady, of which one was made."""
        if test.result.outcome is Outcome.TIMEOUT:
            return 1  # each run that hangs again costs the whole limit of a test
        nodeid = test.key[0]
        return max(self.suite.reruns, self.executions.get(nodeid, 0) - 1)

    def _run_once(self, test: _RedTest, place: Place) -> Rerun | None:
        """One run; None where there is no time for it, or where it gave no outcome."""
        preceding = test.preceding if place is Place.IN_PLACE else ()
        if self._stop() or not self._stop.has_time_for(test.expected[place]):
            self._without_time.add(test.key)
            return None
        # names of chunks are unique in the whole plan: reruns of several shards can be joined
        name = f"{test.result.chunk}-rerun-{next(self._numbers)}"
        chunk = ChunkProgress(name, (*preceding, test.key))
        # a process that others may have ended says nothing of the test: it is tried once more
        for _ in range(_TRIES[place]):
            finished, _ = self._runner.attempt(chunk, self.make_request, chunk.keys)
            if test.key in chunk.results or self._stop():
                break
        self.store.put(f"{FOLDER}/{chunk.name}.log", tail_of(finished.folder / LOG).encode("utf-8"))
        result = chunk.results.get(test.key)
        if result is None:
            return None
        return Rerun(
            place=place,
            outcome=result.outcome,
            seconds=finished.attempt.seconds,
            behind=len(preceding),
            chunk=str(chunk.name),
        )

    def _on_event(self, chunk: ChunkProgress, attempt: int, payload: bytes, _event: Any) -> None:
        self._lines.append(record_line(chunk.name, attempt, payload, self.store.folder.redact))

    def _conclude(self, chunks: Iterable[ChunkProgress], tests: Sequence[RerunTest]) -> None:
        by_key = {(test.nodeid, test.nth): test for test in tests}
        for chunk in chunks:
            _give_outcomes(chunk, by_key)
        document = RerunDocument(tests=tuple(tests))
        # node ids were redacted by the recorder, once: they are keys of other documents
        self.store.put_json(f"{FOLDER}/reruns.json", {}, clean=document.model_dump(mode="json"))
        self.store.put(f"{FOLDER}/events.jsonl", b"".join(self._lines))
        self._note_unanswered(tests)

    def _note_unanswered(self, tests: Sequence[RerunTest]) -> None:
        unanswered = {(test.nodeid, test.nth) for test in tests if next_place(test) is not None}
        without_time = unanswered & self._without_time
        if without_time:
            self.notes.append(f"red tests not run again to the end, for want of time: {len(without_time)}")
        if lost := unanswered - without_time:
            self.notes.append(f"red tests that gave no outcome when run again: {len(lost)}")


def _give_outcomes(chunk: ChunkProgress, tests: Mapping[Key, RerunTest]) -> None:
    for key, result in chunk.results.items():
        if key in tests:
            outcome, reruns = concluded(tests[key])
            chunk.results[key] = result.model_copy(update={"outcome": outcome, "reruns": reruns})


def _red_tests(chunk: ChunkProgress, suite: Suite) -> list[_RedTest]:
    """The chunk's red tests, each with what ran before it in its process."""
    sequences = {finished.attempt.number: tuple(finished.reader.finished) for finished in chunk.attempts}
    seconds = {key: result.duration or 0.0 for key, result in chunk.results.items()}
    red = []
    for key in chunk.keys:
        result = chunk.results.get(key)
        if result is None or not result.outcome.is_red or result.attempt is None:
            continue
        sequence = sequences.get(result.attempt, ())
        # a test that ended its process is not among those that finished in it
        preceding = sequence[: sequence.index(key)] if key in sequence else sequence
        alone = _expected_seconds(result, suite)
        in_place = alone + sum(seconds.get(earlier, 0.0) for earlier in preceding)
        expected = {Place.ALONE: alone, Place.IN_PLACE: in_place}
        may_share = suite.workers > 1 and waits_for_others(result)
        red.append(_RedTest(key, result, preceding, expected, may_share))
    return red


def _expected_seconds(result: TestResult, suite: Suite) -> float:
    if result.duration is not None:
        return result.duration
    hung = result.outcome is Outcome.TIMEOUT
    return (suite.limits.test_timeout or 0.0) if hung else 0.0  # nobody knows how long a dead test took

"""Run one chunk to its end: a process, and behind each death a further process for what is left."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from triage.model.outcome import Outcome, Phase
from triage.model.run import Attempt, Key, TestResult
from triage.process.api import LOG, RECORD, STACKS, Executor, ProcessOutcome, ProcessRequest
from triage.recorder.events import encode
from triage.recorder.record_file import overflow_lines
from triage.run import results
from triage.run.attempt import AttemptEnd, judge_end, last_dump, notes_on
from triage.run.record_reader import RecordReader
from triage.run.results import Origins, Traces

_TAIL_BYTES = 64 * 1024
"""Of a log or stacks file: the last stacks are at its end, and a log may have any size."""
_LOG_TAIL_CHARS = 4000
_MOST_LOST = 3
"""Processes that vanish before any test finished: after so many the machine is held to be broken."""
_MOST_WITHOUT_PROGRESS = 2
"""Attempts that give no test a result: a third one would give none either."""
_NOT_COLLECTED_AGAIN = (
    "not collected again: its id changes with each collection, or its file no longer collects"
)


class RequestMaker(Protocol):
    """Makes the request of one attempt (a new interpreter, or a child of a fork server)."""

    def __call__(self, folder: Path, key: bytes, keys: Sequence[Key], /) -> ProcessRequest:
        """A process that runs exactly `keys`, in this order, and records to `folder` under `key`."""


@dataclass
class FinishedAttempt:
    """One attempt with all that is known of it."""

    attempt: Attempt
    reader: RecordReader
    process: ProcessOutcome
    folder: Path


@dataclass
class ChunkProgress:
    """Progress of one chunk: results and attempts so far."""

    name: str | None
    keys: Sequence[Key]
    results: dict[Key, TestResult] = field(default_factory=dict)
    attempts: list[FinishedAttempt] = field(default_factory=list)
    number: int = 0
    """Of the latest attempt; those of an interrupted run, which was resumed, count."""
    interrupted: bool = False
    last_finished: Key = ("", -1)

    @property
    def remaining(self) -> list[Key]:
        """The tests that have no outcome yet, in order."""
        return [key for key in self.keys if key not in self.results]


OnChunkEvent = Callable[[ChunkProgress, int, bytes, Any], None]
"""Called with the chunk, the number of its attempt, the payload and the event parsed from it."""


@dataclass(frozen=True)
class ChunkRunner:
    """What the chunks of a run have in common, and how each of them is run."""

    executor: Executor
    scratch: Path
    origins: Origins
    command: Callable[[str | None, Sequence[Key]], str]
    """The command of an attempt as a shell takes it, by chunk and tests."""
    key: Callable[[str], bytes]
    """The key of an attempt's record, by the attempt's name."""
    stop: Callable[[], bool]
    on_event: OnChunkEvent

    def run(self, chunk: ChunkProgress, make_request: RequestMaker) -> None:
        """Give each test of the chunk its result, or leave it without one when stopped."""
        lost = without_progress = 0
        while chunk.remaining and not self.stop():
            results_before = len(chunk.results)
            finished, end = self.attempt(chunk, make_request)
            if end.ended == "interrupted":
                chunk.interrupted = True
                return
            if end.ended == "lost":
                lost += 1
                self._account_for_lost(chunk, finished, end, lost)
                continue
            self._account_for_uncollected(chunk, finished.reader)
            without_progress = without_progress + 1 if len(chunk.results) == results_before else 0
            if without_progress >= _MOST_WITHOUT_PROGRESS:
                why = end.note or "the process ended in good order and ran none"
                _give_up(chunk, f"no test could be started: {why}")

    def attempt(self, chunk: ChunkProgress, make_request: RequestMaker) -> tuple[FinishedAttempt, AttemptEnd]:
        """Run one process on what is left of the chunk."""
        chunk.number += 1
        number = chunk.number
        remaining = chunk.remaining
        folder = self.scratch / f"{chunk.name or 'run'}.{number}"
        key = self.key(folder.name)
        reader = RecordReader(
            key, lambda payload, event: self._take_event(chunk, number, payload, event, reader)
        )
        process = self.executor.run(make_request(folder, key, remaining), reader.feed, self.stop)
        # what did not fit into the record any more lies beside it; a line may have been cut before
        reader.feed(b"\n" + overflow_lines(folder / RECORD))

        end = judge_end(reader, process)
        culprit = results.result_of_culprit(
            end,
            reader,
            process,
            chunk=chunk.name,
            attempt=number,
            traces=_traces(folder),
            origins=self.origins,
        )
        if culprit is not None and end.culprit is not None and end.culprit in chunk.keys:
            self._blame(chunk, number, end.culprit, culprit)

        attempt = Attempt(
            chunk=chunk.name or "",
            number=number,
            command=self.command(chunk.name, remaining),
            exit_code=process.exit_code,
            signal=process.signal,
            ended=end.ended,
            seconds=round(process.seconds, 6),
            culprit=end.culprit[0] if end.culprit else None,
            notes=notes_on(end, process),
        )
        finished = FinishedAttempt(attempt, reader, process, folder)
        chunk.attempts.append(finished)
        if end.ended != "interrupted":  # a resumed run repeats what was interrupted
            self._record(chunk, number, {"e": "attempt", "attempt": attempt.model_dump(mode="json")})
        return finished, end

    def _take_event(
        self, chunk: ChunkProgress, number: int, payload: bytes, event: Any, reader: RecordReader
    ) -> None:
        if event.get("e") in ("finish", "ran"):
            key = reader.key(event["i"])
            chunk.results[key] = results.result_of_event(key, event, chunk.name, number, self.origins)
            chunk.last_finished = key
        self.on_event(chunk, number, payload, event)

    def _record(self, chunk: ChunkProgress, number: int, event: dict[str, Any]) -> None:
        """Write a line of the harness's own into the record."""
        self.on_event(chunk, number, encode(event), event)

    def _account_for_uncollected(self, chunk: ChunkProgress, reader: RecordReader) -> None:
        """Tests that are planned, but not collected by the process that should have run them."""
        if reader.collected is None:
            return
        present = set(reader.keys)
        for key in chunk.remaining:
            if key not in present:
                chunk.results[key] = results.result_not_run(key, chunk.name, _NOT_COLLECTED_AGAIN)

    def _account_for_lost(
        self, chunk: ChunkProgress, finished: FinishedAttempt, end: AttemptEnd, times: int
    ) -> None:
        """Nobody knows how the process ended. The test that ran each time is to blame, else the machine."""
        culprit = end.culprit
        earlier = [other.reader.culprit for other in chunk.attempts[:-1] if other.attempt.ended == "lost"]
        if culprit is not None and culprit in earlier and culprit in chunk.keys:
            note = f"its process vanished {earlier.count(culprit) + 1} times: {end.note}"
            failure = results.failure_of_death(culprit[0], "Crashed", note, origins=self.origins)
            result = TestResult(
                nodeid=culprit[0],
                outcome=Outcome.CRASHED,
                chunk=chunk.name,
                attempt=chunk.number,
                failures=(failure,),
                note=note,
            )
            self._blame(chunk, finished.attempt.number, culprit, result)
        elif times >= _MOST_LOST and not finished.reader.finished:
            _give_up(chunk, f"lost {times} times: {end.note}")

    def _blame(self, chunk: ChunkProgress, number: int, culprit: Key, result: TestResult) -> None:
        chunk.results[culprit] = result
        event = {"e": "result", "key": culprit, "result": result.model_dump(mode="json")}
        self._record(chunk, number, event)


def _give_up(chunk: ChunkProgress, why: str) -> None:
    for key in chunk.remaining:
        chunk.results[key] = results.result_not_run(key, chunk.name, why)


def collection_death(finished: FinishedAttempt, origins: Origins) -> TestResult | None:
    """The result of the file whose import killed or hung the process; None where no file did."""
    reader, process = finished.reader, finished.process
    if reader.collected is not None or reader.collecting is None or process.ended == "interrupted":
        return None
    hung = process.ended in ("test-timeout", "chunk-timeout")
    nodeid = reader.collecting["id"]
    note = finished.attempt.note or ""
    failure = results.failure_of_death(
        nodeid,
        "Timeout" if hung else "Crashed",
        note,
        traces=_traces(finished.folder),
        origins=origins,
        phase=Phase.COLLECT,
    )
    return TestResult(
        nodeid=nodeid,
        outcome=Outcome.TIMEOUT if hung else Outcome.CRASHED,
        failures=(failure,),
        signal=None if hung else process.signal,
        exit_code=None if hung else process.exit_code,
        note=note,
    )


def _traces(folder: Path) -> Traces:
    """The last stacks that the process left, and the end of its log."""
    log = tail_of(folder / LOG)
    stacks = tail_of(folder / STACKS)
    return Traces(last_dump(stacks) or last_dump(log), log[-_LOG_TAIL_CHARS:])


def tail_of(path: Path) -> str:
    """The last part of a text file; empty where there is none."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return file.read().decode("utf-8", "replace")
    return ""

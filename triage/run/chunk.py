"""Run one chunk to its end: a process, and behind each death a further process for what is left."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from triage.model.failure import CRASHED, TIMED_OUT
from triage.model.outcome import Outcome, Phase
from triage.model.run import Attempt, Key, Note, NoteKind, TestResult
from triage.process.api import LOG, RECORD, STACKS, Executor, ProcessOutcome, ProcessRequest
from triage.recorder.events import encode
from triage.recorder.record_file import overflow_lines
from triage.run import results
from triage.run.attempt import AttemptEnd, judge_end, last_dump, notes_on
from triage.run.origins import Origins
from triage.run.record_reader import RecordReader
from triage.run.recorded_failures import Traces, failure_of_death

_TAIL_BYTES = 64 * 1024
"""Of a log or stacks file: the last stacks are at its end, and a log may have any size."""
_LOG_TAIL_CHARS = 4000
_PAUSES_AFTER_LOST = (0.0, 0.1, 0.5, 2.0)
"""Seconds before a process is started again that nobody knows the end of: a busy machine needs a moment.
After one more than these the machine is held to be broken."""
_MOST_FRUITLESS = 3
"""Attempts in turn that give no test a result: a further one would give none either."""
_STOP_POLL_SECONDS = 0.05
_EXONERATED = "a first process was killed while it ran; this is what it gave alone"
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
    gave_up: str | None = None
    """Why no further process was started for what remains; a resumed run tries again."""
    suspect: Key | None = None
    """The test that ran when a process ended that somebody else may have ended; it runs next, alone."""
    last_finished: Key = ("", -1)

    @property
    def remaining(self) -> list[Key]:
        """The tests that have no outcome yet, in order."""
        return [key for key in self.keys if key not in self.results]

    def all_results(self, why: str) -> list[TestResult]:
        """A result for each test, in order; `why` says of the others why they have not run."""
        reason = self.gave_up or why
        return [self.results.get(key) or results.result_not_run(key, self.name, reason) for key in self.keys]


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
    elapsed: Callable[[], float] | None = None
    """Seconds since the run began, where somebody keeps count of them."""
    doubts: bool = True
    """Whether a test runs again alone whose process somebody else may have ended; alone is no control where
    the order of tests is what is examined, and there only the end of the machinery is doubted."""

    def run(self, chunk: ChunkProgress, make_request: RequestMaker) -> None:
        """Give each test of the chunk its result, or leave it without one when stopped or given up.

        A test is not blamed for a process that somebody else may have ended, such as the kernel or a person:
        it runs again alone, and its second end is its own. Only attempts that give nothing are counted.
        """
        lost = fruitless = 0
        chunk.gave_up = None
        while chunk.remaining and not self.stop():
            known = (len(chunk.results), chunk.suspect)
            keys = chunk.remaining if chunk.suspect is None else [chunk.suspect]
            finished, end = self.attempt(chunk, make_request, keys)
            if end.ended == "interrupted":
                chunk.interrupted = True
                return
            _account_for_uncollected(chunk, keys, finished.reader)
            if chunk.suspect in chunk.results:
                chunk.suspect = None
            if (len(chunk.results), chunk.suspect) != known:
                lost = fruitless = 0
            elif end.ended == "lost":
                lost += 1
                if lost > len(_PAUSES_AFTER_LOST):
                    chunk.gave_up = f"lost {lost} times: {end.note}"
                    return
                self._pause(_PAUSES_AFTER_LOST[lost - 1])
            else:
                fruitless += 1
                if fruitless >= _MOST_FRUITLESS:
                    why = end.note or "the process ended in good order and ran none"
                    chunk.gave_up = f"no test could be started: {why}"
                    return

    def attempt(
        self, chunk: ChunkProgress, make_request: RequestMaker, keys: Sequence[Key]
    ) -> tuple[FinishedAttempt, AttemptEnd]:
        """Run one process on these tests of the chunk."""
        chunk.number += 1
        number = chunk.number
        folder = self.scratch / f"{chunk.name or 'run'}.{number}"
        key = self.key(folder.name)
        reader = RecordReader(
            key, lambda payload, event: self._take_event(chunk, number, payload, event, reader)
        )
        began = round(self.elapsed(), 3) if self.elapsed is not None else None
        process = self.executor.run(make_request(folder, key, keys), reader.feed, self.stop)
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
        notes = notes_on(end, process)
        if culprit is not None and end.culprit is not None and end.culprit in chunk.keys:
            is_doubtful = end.from_outside and (self.doubts or end.ended == "lost")
            if is_doubtful and end.culprit != chunk.suspect:
                chunk.suspect = end.culprit
                text = f"{end.note}, while {end.culprit[0]} ran: it runs again, alone"
                notes = (*notes, Note(kind=NoteKind.RUN_AGAIN, text=text))
            else:
                self._blame(chunk, number, end.culprit, culprit)

        attempt = Attempt(
            chunk=chunk.name or "",
            number=number,
            command=self.command(chunk.name, keys),
            exit_code=process.exit_code,
            signal=process.signal,
            ended=end.ended,
            seconds=round(process.seconds, 6),
            began=began,
            culprit=end.culprit[0] if end.culprit else None,
            notes=notes,
        )
        finished = FinishedAttempt(attempt, reader, process, folder)
        chunk.attempts.append(finished)
        if end.ended != "interrupted":  # a resumed run repeats what was interrupted
            self._record(chunk, number, {"e": "attempt", "process": attempt.model_dump(mode="json")})
        return finished, end

    def record_collect_error(self, name: str, number: int, error: TestResult) -> None:
        """Write into the record what was blamed for the end of a collection."""
        event = {"e": "collect_result", "result": error.model_dump(mode="json")}
        self._record(ChunkProgress(name, []), number, event)

    def _take_event(
        self, chunk: ChunkProgress, number: int, payload: bytes, event: Any, reader: RecordReader
    ) -> None:
        if event.get("e") in ("finish", "ran"):
            key = reader.key(event["i"])
            result = results.result_of_event(key, event, chunk.name, number, self.origins)
            if key == chunk.suspect:
                note = "; ".join(filter(None, (result.note, _EXONERATED)))
                result = result.model_copy(update={"note": note})
            chunk.results[key] = result
            chunk.last_finished = key
        self.on_event(chunk, number, payload, event)

    def _record(self, chunk: ChunkProgress, number: int, event: dict[str, Any]) -> None:
        """Write a line of the harness's own into the record."""
        self.on_event(chunk, number, encode(event), event)

    def _pause(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.stop():
            time.sleep(_STOP_POLL_SECONDS)

    def _blame(self, chunk: ChunkProgress, number: int, culprit: Key, result: TestResult) -> None:
        chunk.results[culprit] = result
        event = {"e": "result", "key": culprit, "result": result.model_dump(mode="json")}
        self._record(chunk, number, event)


def _account_for_uncollected(chunk: ChunkProgress, keys: Sequence[Key], reader: RecordReader) -> None:
    """Tests that are planned, but not collected by the process that should have run them."""
    if reader.collected is None:
        return
    present = set(reader.keys)
    for key in keys:
        if key not in present and key not in chunk.results:
            chunk.results[key] = results.result_not_run(key, chunk.name, _NOT_COLLECTED_AGAIN)


def collection_death(finished: FinishedAttempt, origins: Origins) -> TestResult | None:
    """The result of what was being collected when the process died or hung; None where nothing was."""
    reader, process = finished.reader, finished.process
    if reader.collected is not None or reader.collecting is None or process.ended == "interrupted":
        return None
    hung = process.ended in ("test-timeout", "chunk-timeout")
    nodeid = reader.collecting["id"]
    note = finished.attempt.note or ""
    failure = failure_of_death(
        nodeid,
        TIMED_OUT if hung else CRASHED,
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

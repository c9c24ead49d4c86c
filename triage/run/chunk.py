"""One chunk to its end: a process, and behind each death a further process for what is left."""

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
from triage.run.attempt import Dump, Verdict, judge, last_dump
from triage.run.record_reader import Seen
from triage.run.results import Origins, death

_TAIL_BYTES = 64 * 1024
_LOST_AGAIN, _STUCK_AGAIN = 3, 2
_GONE = "not collected again: its id changes with each collection, or its file no longer collects"


class Starter(Protocol):
    """Makes the request of one attempt (a new interpreter, or a child of a fork server)."""

    def __call__(self, folder: Path, key: bytes, keys: Sequence[Key], /) -> ProcessRequest:
        """A process that runs exactly `keys`, in this order, and records to `folder` under `key`."""


@dataclass
class Tried:
    """One attempt with all that is known of it."""

    attempt: Attempt
    seen: Seen
    process: ProcessOutcome
    folder: Path


@dataclass
class Course:
    """How a chunk goes; filled while it runs."""

    name: str | None
    keys: Sequence[Key]
    results: dict[Key, TestResult] = field(default_factory=dict)
    tried: list[Tried] = field(default_factory=list)
    number: int = 0
    """Attempts made, earlier runs included."""
    interrupted: bool = False
    last: Key = ("", -1)
    """The item that finished last."""

    @property
    def left(self) -> list[Key]:
        """What has no outcome yet, in order."""
        return [key for key in self.keys if key not in self.results]


Tell = Callable[[Course, int, bytes, Any], None]
"""Chunk, attempt, payload, event."""


@dataclass(frozen=True)
class Runner:
    """What every chunk of a run shares."""

    executor: Executor
    scratch: Path
    origins: Origins
    command: Callable[[str | None, Sequence[Key]], str]
    key: Callable[[str], bytes]
    """The key of an attempt's record, by the attempt's name."""
    stop: Callable[[], bool]
    tell: Tell

    def run(self, course: Course, start: Starter) -> None:
        """Give each key of the course its result, or leave it without one when stopped."""
        lost = stuck = 0
        while course.left and not self.stop():
            before = len(course.results)
            tried, verdict = self.attempt(course, start)
            if verdict.ended == "interrupted":
                course.interrupted = True
                return
            if verdict.ended == "lost":
                lost += 1
                self._lost(course, tried, verdict, lost)
                continue
            self._missing(course, tried.seen)
            stuck = stuck + 1 if len(course.results) == before else 0
            if stuck >= _STUCK_AGAIN:
                why = verdict.note or "the process ended in good order and ran none"
                self._give_up(course, f"no test could be started: {why}")

    def attempt(self, course: Course, start: Starter) -> tuple[Tried, Verdict]:
        """One process on what is left of the course."""
        course.number += 1
        number, left = course.number, course.left
        folder = self.scratch / f"{course.name or 'run'}.{number}"
        key = self.key(folder.name)
        seen = Seen(key, lambda payload, event: self._heard(course, number, payload, event, seen))
        request = start(folder, key, left)
        process = self.executor.run(request, seen.feed, self.stop)
        seen.feed(b"\n" + overflow_lines(folder / RECORD))
        verdict = judge(seen, process)
        dump, tail = _traces(folder)
        culprit = results.blamed(
            verdict,
            seen,
            process,
            chunk=course.name,
            attempt=number,
            dump=dump,
            log_tail=tail,
            origins=self.origins,
        )
        if culprit is not None and verdict.culprit is not None and verdict.culprit in course.keys:
            course.results[verdict.culprit] = culprit
            self._blame(course, number, verdict.culprit)
        attempt = _attempt_value(course, number, process, verdict, self.command(course.name, left))
        tried = Tried(attempt, seen, process, folder)
        course.tried.append(tried)
        if verdict.ended != "interrupted":
            self._say(course, number, {"e": "attempt", "attempt": attempt.model_dump(mode="json")})
        return tried, verdict

    def _heard(self, course: Course, number: int, payload: bytes, event: Any, seen: Seen) -> None:
        if event.get("e") in ("finish", "ran"):
            key = seen.key(event["i"])
            course.results[key] = results.finished(key, event, course.name, number, self.origins)
            course.last = key
        self.tell(course, number, payload, event)

    def _say(self, course: Course, number: int, event: dict[str, Any]) -> None:
        """A line of the harness's own in the record."""
        self.tell(course, number, encode(event), event)

    def _missing(self, course: Course, seen: Seen) -> None:
        """Planned, but not collected by the process that should have run it."""
        if seen.collected is None:
            return
        present = set(seen.keys)
        for key in course.left:
            if key not in present:
                course.results[key] = results.never(key, course.name, _GONE)

    def _lost(self, course: Course, tried: Tried, verdict: Verdict, times: int) -> None:
        """Nobody knows how the process ended. The test that ran each time is to blame, else the machine."""
        culprit = verdict.culprit
        before = [other.seen.culprit for other in course.tried[:-1] if other.attempt.ended == "lost"]
        if culprit is not None and culprit in before and culprit in course.keys:
            note = f"its process vanished {before.count(culprit) + 1} times: {verdict.note}"
            failure = death(culprit[0], "Crashed", note, dump=None, log_tail="", origins=self.origins)
            course.results[culprit] = TestResult(
                nodeid=culprit[0], outcome=Outcome.CRASHED, chunk=course.name, attempt=course.number,
                failures=(failure,), note=note,
            )  # fmt: skip
            self._blame(course, tried.attempt.number, culprit)
        elif times >= _LOST_AGAIN and not tried.seen.finished:
            self._give_up(course, f"lost {times} times: {verdict.note}")

    def _blame(self, course: Course, number: int, culprit: Key) -> None:
        result = course.results[culprit].model_dump(mode="json")
        self._say(course, number, {"e": "result", "key": culprit, "result": result})

    def _give_up(self, course: Course, why: str) -> None:
        for key in course.left:
            course.results[key] = results.never(key, course.name, why)


def _attempt_value(
    course: Course, number: int, process: ProcessOutcome, verdict: Verdict, command: str
) -> Attempt:
    notes = [verdict.note, process.note if process.note != verdict.note else None]
    if process.swept:
        notes.append(f"{process.swept} processes that it left behind were killed")
    if process.log_cut:
        notes.append(f"{process.log_cut} bytes of output were not kept")
    return Attempt(
        chunk=course.name or "",
        number=number,
        command=command,
        exit_code=process.exit_code,
        signal=process.signal,
        ended=verdict.ended,
        seconds=round(process.seconds, 6),
        culprit=verdict.culprit[0] if verdict.culprit else None,
        note="; ".join(note for note in notes if note) or None,
    )


def collection_death(tried: Tried, origins: Origins) -> TestResult | None:
    """The file whose import killed or hung the process, as a result: collection did not come to its end."""
    seen, process = tried.seen, tried.process
    if seen.collected is not None or seen.collecting is None or process.ended == "interrupted":
        return None
    hung = process.ended in ("test-timeout", "chunk-timeout")
    dump, tail = _traces(tried.folder)
    nodeid, note = seen.collecting["id"], tried.attempt.note or ""
    failure = death(
        nodeid,
        "Timeout" if hung else "Crashed",
        note,
        dump=dump,
        log_tail=tail,
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


def _traces(folder: Path) -> tuple[Dump | None, str]:
    """The last stacks that the process left, and the end of its log."""
    log, stacks = tail_of(folder / LOG), tail_of(folder / STACKS)
    return last_dump(stacks) or last_dump(log), log[-4000:]


def tail_of(path: Path) -> str:
    """The last part of a text file; empty where there is none."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return file.read().decode("utf-8", "replace")
    return ""

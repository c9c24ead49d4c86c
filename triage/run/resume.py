"""Read what an earlier process of the same run left: plan, outcomes, and lines it had not yet copied."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triage.errors import UsageError
from triage.model.run import Attempt, Key, Note, NoteKind, Plan, TestResult, keys_of
from triage.process.api import RECORD, ProcessOutcome
from triage.run import results
from triage.run.chunk import ChunkProgress, FinishedAttempt
from triage.run.collection import PREFLIGHT
from triage.run.environment import Checkout
from triage.run.origins import Origins
from triage.run.record_reader import RecordReader
from triage.run.run_store import EVENTS, RunStore

AttemptId = tuple[str, int]
"""Chunk and number of the attempt."""
_NO_KEY = b""
"""For readers that are given events of the run's own record: it holds them without their seals."""


@dataclass
class _EarlierAttempt:
    """One attempt of the earlier process."""

    reader: RecordReader
    folder: Path
    attempt: Attempt | None = None
    """None where the harness died before it could judge the attempt."""
    blamed: list[tuple[Key, TestResult]] = field(default_factory=list)
    recorded: int = 0
    """How many of the process's own events the run's record holds: the first ones."""


@dataclass
class PreviousRun:
    """What is known from before; empty where a run starts."""

    plan: Plan | None = None
    commit: str | None = None
    """Of the checkout that was collected."""
    finish_events: dict[Key, dict[str, Any]] = field(default_factory=dict)
    unrecorded: list[tuple[AttemptId, bytes]] = field(default_factory=list)
    """Events that processes had written and the run's record does not hold yet."""
    _origins: Origins | None = None
    _attempts: dict[AttemptId, _EarlierAttempt] = field(default_factory=dict)
    _collections: dict[int, RecordReader] = field(default_factory=dict)
    """The collections of preflight, by their number."""
    _collect_results: list[TestResult] = field(default_factory=list)
    """What was blamed for the end of a collection."""

    def chunks(self) -> list[ChunkProgress]:
        """The chunks of the plan with what they had reached; what ran when the process died is open again."""
        if self.plan is None:
            return []
        chunks = [ChunkProgress(chunk.name, keys_of(chunk.nodeids)) for chunk in self.plan.chunks]
        for chunk in chunks:
            self._restore(chunk)
        return chunks

    def _restore(self, chunk: ChunkProgress) -> None:
        wanted = set(chunk.keys)
        numbers = sorted(number for name, number in self._attempts if name == chunk.name)
        for number in numbers:
            assert chunk.name is not None
            assert self._origins is not None
            earlier = self._attempts[chunk.name, number]
            for key, event in earlier.reader.finished.items():
                if key in wanted:
                    chunk.results[key] = results.result_of_event(
                        key, event, chunk.name, number, self._origins
                    )
                    self.finish_events[key] = event
            chunk.results.update({key: result for key, result in earlier.blamed if key in wanted})

            attempt = earlier.attempt or _interrupted(chunk.name, number)
            process = ProcessOutcome(attempt.ended)
            chunk.attempts.append(FinishedAttempt(attempt, earlier.reader, process, earlier.folder))
            chunk.number = max(chunk.number, number)

    def collect_errors(self) -> list[TestResult]:
        """What did not collect, as the latest collection and the blame for earlier ones say."""
        return [*self._collect_results, *self._of_collection(results.collect_errors)]

    def collect_skips(self) -> list[TestResult]:
        """What was skipped as a whole when it was collected."""
        return self._of_collection(lambda reader, _origins: results.collect_skips(reader))

    def _of_collection(self, read: Any) -> list[TestResult]:
        if not self._collections:
            return []
        found: list[TestResult] = read(self._collections[max(self._collections)], self._origins)
        return found

    def take(self, slot: AttemptId, event: dict[str, Any], folder: Path) -> None:
        """Account for one line of the run's record; `folder` is that of the attempt."""
        if slot[0] == PREFLIGHT:
            self._take_of_collection(slot[1], event)
            return
        earlier = self._attempts.get(slot)
        if earlier is None:
            earlier = self._attempts[slot] = _EarlierAttempt(RecordReader(_NO_KEY), folder)
        match event["e"]:
            case "attempt":
                earlier.attempt = Attempt.model_validate(event["process"])
            case "result":
                nodeid, nth = event["key"]
                earlier.blamed.append(((nodeid, nth), TestResult.model_validate(event["result"])))
            case _:
                earlier.reader.take(event)
                earlier.recorded += 1

    def _take_of_collection(self, number: int, event: dict[str, Any]) -> None:
        match event["e"]:
            case "collect_result":
                self._collect_results.append(TestResult.model_validate(event["result"]))
            case "begin" if number == 1:
                # a process that resumed the run collected anew, and blamed anew
                self._collections = {number: RecordReader(_NO_KEY)}
                self._collect_results = []
                self._collections[number].take(event)
            case _:
                self._collections.setdefault(number, RecordReader(_NO_KEY)).take(event)

    def unjudged(self, work: Path) -> list[tuple[AttemptId, _EarlierAttempt]]:
        """Attempts without a verdict when the harness died, also those of which it had read nothing yet."""
        assert self.plan is not None
        chunks = {chunk.name for chunk in self.plan.chunks}
        found = {slot: earlier for slot, earlier in self._attempts.items() if earlier.attempt is None}
        for folder in sorted(work.iterdir()) if work.is_dir() else []:
            name, _, number = folder.name.rpartition(".")
            if name in chunks and number.isdigit() and (name, int(number)) not in self._attempts:
                found[name, int(number)] = _EarlierAttempt(RecordReader(_NO_KEY), folder)
        return list(found.items())

    def replace(self, slot: AttemptId, earlier: _EarlierAttempt) -> None:
        """Take another reading of the same attempt, which knows more."""
        self._attempts[slot] = earlier


def _interrupted(chunk: str, number: int) -> Attempt:
    note = Note(kind=NoteKind.END, text="the harness was stopped")
    return Attempt(chunk=chunk, number=number, command="", ended="interrupted", notes=(note,))


def check_same_commit(previous: PreviousRun, checkout: Checkout, stamp: str) -> None:
    """Refuse to finish a run with results of one commit on another. Raises `UsageError`."""
    has_results = any(chunk.results for chunk in previous.chunks())
    if not has_results or not previous.commit or not checkout.commit:
        return
    if previous.commit != checkout.commit:
        raise UsageError(
            "other-commit",
            f"{stamp} ran on commit {previous.commit[:10]}, and {checkout.commit[:10]} is checked out",
            "check the former out, or start a new run",
        )


def read_previous_run(store: RunStore, origins: Origins) -> PreviousRun:
    """Read plan and record; a torn last line is left out, and so is what cannot be verified."""
    work = store.scratch / "work"
    paths = (store.scratch / EVENTS, store.folder.path / EVENTS)
    previous = read_evidence(store.folder.path, paths, work, origins)
    if previous.plan is None:
        return previous
    for slot, earlier in previous.unjudged(work):
        payloads: list[bytes] = []
        own_record = _own_record(earlier.folder, store.key(earlier.folder.name), payloads)
        if own_record is not None and len(own_record.finished) >= len(earlier.reader.finished):
            previous.replace(
                slot, _EarlierAttempt(own_record, earlier.folder, earlier.attempt, earlier.blamed)
            )
            previous.unrecorded += [(slot, payload) for payload in payloads[earlier.recorded :]]
    return previous


def read_evidence(evidence: Path, records: Sequence[Path], work: Path, origins: Origins) -> PreviousRun:
    """Read plan and record of a run from its folder; `records` are the copies of its record."""
    previous = PreviousRun(_origins=origins)
    plan = _json_of(evidence / "plan.json")
    preflight = _json_of(evidence / "preflight.json")
    try:
        previous.plan = Plan.model_validate(plan)
        previous.commit = preflight["git"]["commit"]
    except (ValueError, KeyError, TypeError):
        pass  # what is missing or damaged had not been written when the process died
    for slot, event in _events(records):
        chunk, number = slot
        if chunk == PREFLIGHT or previous.plan is not None:
            previous.take(slot, event, work / f"{chunk}.{number}")
    return previous


def _json_of(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _events(records: Sequence[Path]) -> Iterator[tuple[AttemptId, dict[str, Any]]]:
    """The run's record, from the longest of its copies: a test may have cut the one in the evidence."""
    readable = [path for path in records if path.is_file()]
    if not readable:
        return
    data = max(readable, key=lambda path: path.stat().st_size).read_bytes()
    for line in data.split(b"\n"):
        try:
            event = json.loads(line)
            chunk, number, _kind = event["chunk"], event["attempt"], event["e"]
        except (ValueError, KeyError, TypeError):
            continue
        if isinstance(chunk, str) and isinstance(number, int):
            yield (chunk, number), event


def _own_record(folder: Path, key: bytes, payloads: list[bytes]) -> RecordReader | None:
    """The process's own record, where it is still there; lines whose seals do not hold are left out.

    Its events are added to `payloads`, as the process wrote them.
    """
    try:
        data = (folder / RECORD).read_bytes()
    except OSError:
        return None
    reader = RecordReader(key, lambda payload, _event: payloads.append(payload))
    reader.feed(data)
    return reader

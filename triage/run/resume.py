"""Read what an earlier process of the same run left: plan, outcomes, and lines it had not yet copied."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triage.model.run import Attempt, Key, Note, NoteKind, Plan, TestResult
from triage.process.api import RECORD, ProcessOutcome
from triage.run import results
from triage.run.chunk import ChunkProgress, FinishedAttempt
from triage.run.collection import PREFLIGHT
from triage.run.record_reader import RecordReader
from triage.run.results import Origins
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


@dataclass
class PreviousRun:
    """What is known from before; empty where a run starts."""

    plan: Plan | None = None
    origins: Origins | None = None
    finish_events: dict[Key, dict[str, Any]] = field(default_factory=dict)
    _attempts: dict[AttemptId, _EarlierAttempt] = field(default_factory=dict)

    def restore(self, chunk: ChunkProgress) -> None:
        """Give the chunk what it had reached; what ran when the process died runs again."""
        wanted = set(chunk.keys)
        numbers = sorted(number for name, number in self._attempts if name == chunk.name)
        for number in numbers:
            assert chunk.name is not None
            assert self.origins is not None
            earlier = self._attempts[chunk.name, number]
            for key, event in earlier.reader.finished.items():
                if key in wanted:
                    chunk.results[key] = results.result_of_event(key, event, chunk.name, number, self.origins)
                    self.finish_events[key] = event
            chunk.results.update({key: result for key, result in earlier.blamed if key in wanted})

            attempt = earlier.attempt or _interrupted(chunk.name, number)
            process = ProcessOutcome(attempt.ended)
            chunk.attempts.append(FinishedAttempt(attempt, earlier.reader, process, earlier.folder))
            chunk.number = max(chunk.number, number)

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

    def take(self, slot: AttemptId, event: dict[str, Any], folder: Path) -> None:
        """Account for one line of the run's record; `folder` is that of the attempt."""
        earlier = self._attempts.get(slot)
        if earlier is None:
            earlier = self._attempts[slot] = _EarlierAttempt(RecordReader(_NO_KEY), folder)
        match event["e"]:
            case "attempt":
                earlier.attempt = Attempt.model_validate(event["attempt"])
            case "result":
                nodeid, nth = event["key"]
                earlier.blamed.append(((nodeid, nth), TestResult.model_validate(event["result"])))
            case _:
                earlier.reader.take(event)

    def replace(self, slot: AttemptId, earlier: _EarlierAttempt) -> None:
        """Take another reading of the same attempt, which knows more."""
        self._attempts[slot] = earlier


def _interrupted(chunk: str, number: int) -> Attempt:
    note = Note(kind=NoteKind.END, text="the harness was stopped")
    return Attempt(chunk=chunk, number=number, command="", ended="interrupted", notes=(note,))


def read_previous_run(store: RunStore, origins: Origins) -> PreviousRun:
    """Read plan and record; a torn last line is left out, and so is what cannot be verified."""
    previous = PreviousRun(origins=origins)
    try:
        text = (store.folder.path / "plan.json").read_text(encoding="utf-8")
        previous.plan = Plan.model_validate_json(text)
    except (OSError, ValueError):
        return previous
    work = store.scratch / "work"
    for slot, event in _events(store):
        chunk, number = slot
        previous.take(slot, event, work / f"{chunk}.{number}")
    for slot, earlier in previous.unjudged(work):
        own_record = _own_record(earlier.folder, store.key(earlier.folder.name))
        if own_record is not None and len(own_record.finished) >= len(earlier.reader.finished):
            previous.replace(
                slot, _EarlierAttempt(own_record, earlier.folder, earlier.attempt, earlier.blamed)
            )
    return previous


def _events(store: RunStore) -> Iterator[tuple[AttemptId, dict[str, Any]]]:
    """The run's record, from the longer of its two copies: a test may have cut the one in the evidence."""
    paths = [path for path in (store.scratch / EVENTS, store.folder.path / EVENTS) if path.exists()]
    if not paths:
        return
    data = max(paths, key=lambda path: path.stat().st_size).read_bytes()
    for line in data.split(b"\n"):
        try:
            event = json.loads(line)
            chunk, number, _kind = event["chunk"], event["attempt"], event["e"]
        except (ValueError, KeyError, TypeError):
            continue
        if isinstance(chunk, str) and isinstance(number, int) and chunk != PREFLIGHT:
            yield (chunk, number), event


def _own_record(folder: Path, key: bytes) -> RecordReader | None:
    """The process's own record, where it is still there; lines whose seals do not hold are left out."""
    try:
        data = (folder / RECORD).read_bytes()
    except OSError:
        return None
    reader = RecordReader(key)
    reader.feed(data)
    return reader

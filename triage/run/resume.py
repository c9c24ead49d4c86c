"""What an earlier process of the same run left: plan, outcomes, and lines that it had not yet copied."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triage.model.run import Attempt, Key, Plan, TestResult
from triage.process.api import RECORD, ProcessOutcome
from triage.run import results
from triage.run.chunk import Course, Tried
from triage.run.record_reader import Seen
from triage.run.results import Origins
from triage.run.run_store import EVENTS, RunStore


@dataclass
class _Past:
    """One attempt of the earlier process."""

    seen: Seen
    folder: Path
    attempt: Attempt | None = None
    blamed: list[tuple[Key, TestResult]] = field(default_factory=list)


@dataclass
class Before:
    """Empty where a run starts."""

    plan: Plan | None = None
    past: dict[tuple[str, int], _Past] = field(default_factory=dict)
    origins: Origins | None = None
    finish_events: dict[Key, dict[str, Any]] = field(default_factory=dict)

    def restore(self, course: Course) -> None:
        """Give the chunk what it had reached; what ran when the process died runs again."""
        for (name, number), past in sorted(self.past.items(), key=lambda item: item[0][1]):
            if name != course.name:
                continue
            assert self.origins is not None
            wanted = set(course.keys)
            for key, event in past.seen.finished.items():
                if key in wanted:
                    course.results[key] = results.finished(key, event, name, number, self.origins)
                    self.finish_events[key] = event
            course.results.update({key: result for key, result in past.blamed if key in wanted})
            attempt = past.attempt or Attempt(
                chunk=name, number=number, command="", ended="interrupted", note="the harness was stopped"
            )
            course.tried.append(Tried(attempt, past.seen, ProcessOutcome(attempt.ended), past.folder))
            course.number = max(course.number, number)


def read_before(store: RunStore, origins: Origins) -> Before:
    """Read the plan and the record; a torn last line is left out, and so is what cannot be verified."""
    before = Before(origins=origins)
    try:
        text = (store.folder.path / "plan.json").read_text(encoding="utf-8")
        before.plan = Plan.model_validate_json(text)
    except (OSError, ValueError):
        return before
    work = store.scratch / "work"
    for chunk, number, event in _lines(store):
        slot = (chunk, number)
        past = before.past.get(slot)
        if past is None:
            past = before.past[slot] = _Past(Seen(b"", _deaf), work / f"{chunk}.{number}")
        if event["e"] == "attempt":
            past.attempt = Attempt.model_validate(event["attempt"])
        elif event["e"] == "result":
            past.blamed.append(
                ((event["key"][0], event["key"][1]), TestResult.model_validate(event["result"]))
            )
        else:
            past.seen.take(event)
    for slot, past in _unfinished(before, work):
        raw = _raw(past.folder, store.key(past.folder.name))
        if raw is not None and len(raw.finished) >= len(past.seen.finished):
            before.past[slot] = _Past(raw, past.folder, past.attempt, past.blamed)
    return before


def _lines(store: RunStore) -> Iterator[tuple[str, int, dict[str, Any]]]:
    paths = [path for path in (store.scratch / EVENTS, store.folder.path / EVENTS) if path.exists()]
    if not paths:
        return
    data = max(paths, key=lambda path: path.stat().st_size).read_bytes()
    for line in data.split(b"\n"):
        try:
            event = json.loads(line)
            chunk, number = event["chunk"], event["attempt"]
            event["e"]
        except (ValueError, KeyError, TypeError):
            continue
        if isinstance(chunk, str) and isinstance(number, int) and chunk != "preflight":
            yield chunk, number, event


def _unfinished(before: Before, work: Path) -> list[tuple[tuple[str, int], _Past]]:
    """Attempts that had not been judged when the harness died, also those that it had not heard of yet."""
    assert before.plan is not None
    names = {chunk.name for chunk in before.plan.chunks}
    found = {slot: past for slot, past in before.past.items() if past.attempt is None}
    for folder in sorted(work.iterdir()) if work.is_dir() else []:
        name, _, number = folder.name.rpartition(".")
        if name in names and number.isdigit() and (name, int(number)) not in before.past:
            found[name, int(number)] = _Past(Seen(b"", _deaf), folder)
    return list(found.items())


def _raw(folder: Path, key: bytes) -> Seen | None:
    """The process's own record, where it is still there and its seals hold."""
    try:
        data = (folder / RECORD).read_bytes()
    except OSError:
        return None
    seen = Seen(key, _deaf)
    seen.feed(data)
    return seen


def _deaf(_payload: bytes, _event: Any) -> None:
    """Nobody needs to hear what was heard before."""

"""Read what a run that was killed, or that still goes on, has recorded so far."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from triage.evidence.folder import EvidenceFolder
from triage.model.run import Key, Plan, RunRecord, TestResult, keys_of
from triage.run import results
from triage.run.record_reader import RecordReader
from triage.run.results import Origins
from triage.run.run_store import EVENTS

_NO_KEY = b""
"""The run's own record holds the events of its processes without their seals."""


@dataclass
class _Chunk:
    """What the record has of one chunk."""

    attempts: dict[int, RecordReader] = field(default_factory=dict)
    blamed: dict[Key, TestResult] = field(default_factory=dict)
    """Results of tests whose process died."""

    def results(self, name: str, origins: Origins) -> dict[Key, TestResult]:
        """The outcome of each test that has one."""
        found: dict[Key, TestResult] = {}
        for number, reader in sorted(self.attempts.items()):
            for key, event in reader.finished.items():
                found[key] = results.result_of_event(key, event, name, number, origins)
        return found | self.blamed


def read_unfinished(folder: EvidenceFolder, root: Path, why: str) -> RunRecord:
    """The record of a run that has no `results.json`; `why` says what became of it.

    Planned tests without an outcome are `not_run`. A torn last line of the record is left out.
    """
    chunks = _chunks(folder.path / EVENTS)
    plan = _plan(folder.path / "plan.json")
    origins = Origins(str(root))
    found: list[TestResult] = []
    for chunk in plan.chunks if plan is not None else ():
        known = chunks.get(chunk.name, _Chunk()).results(chunk.name, origins)
        for key in keys_of(chunk.nodeids):
            found.append(known.get(key) or results.result_not_run(key, chunk.name, why))
    return RunRecord(
        stamp=folder.stamp,
        campaign=folder.campaign,
        root=str(root),
        complete=False,
        void=why,
        results=tuple(found),
        plan=plan,
    )


def _plan(path: Path) -> Plan | None:
    try:
        return Plan.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _chunks(path: Path) -> dict[str, _Chunk]:
    chunks: dict[str, _Chunk] = {}
    for event in _events(path):
        chunk = chunks.setdefault(event["chunk"], _Chunk())
        if event["e"] == "result":
            nodeid, nth = event["key"]
            chunk.blamed[nodeid, nth] = TestResult.model_validate(event["result"])
        elif event["e"] != "attempt":
            chunk.attempts.setdefault(event["attempt"], RecordReader(_NO_KEY)).take(event)
    return chunks


def _events(path: Path) -> Iterator[dict[str, Any]]:
    """The events of chunks, in their order."""
    try:
        data = path.read_bytes()
    except OSError:
        return
    for line in data.split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("chunk"), str) and "e" in event:
            yield event

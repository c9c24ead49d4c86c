"""Read recorded runs back from their folders: results, failures with their clusters, clusters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, ValidationError

from triage.errors import VoidError
from triage.evidence.folder import EvidenceFolder
from triage.evidence.packed import read_record_bytes
from triage.evidence.record_rows import read_rows, read_run_record
from triage.model.base import Value, reason_of
from triage.model.cluster import Cluster
from triage.model.run import RunRecord
from triage.text.plural import counted_noun

RESULTS = "results.json"
_Kind = TypeVar("_Kind", bound=Value)


class FailureRow(Value):
    """What clustering added to one failure of a run: a row of `failures.json`."""

    model_config = ConfigDict(extra="ignore")  # the row holds the whole failure, which the record has too

    nodeid: str
    signature: str | None = None
    """The first of the signatures."""
    signatures: tuple[str, ...] = ()
    cluster: str | None = None

    @property
    def all_signatures(self) -> tuple[str, ...]:
        """Every signature; rows of old runs have one."""
        if self.signatures:
            return self.signatures
        return (self.signature,) if self.signature is not None else ()


class Stage(StrEnum):
    """How far a run has come."""

    RUNNING = "running"
    """A process works on it now."""
    CUT_SHORT = "cut short"
    """Nobody works on it, and it was not concluded."""
    CONCLUDED = "concluded"
    """It came to its end; it may be void all the same."""


@dataclass(frozen=True)
class RecordedRun:
    """A run as its folder has it, whatever became of it."""

    folder: EvidenceFolder
    record: RunRecord
    """Of a run that was not concluded: what it had recorded, void."""
    stage: Stage

    @property
    def answers(self) -> bool:
        """Whether anything can be concluded from it."""
        return self.stage is Stage.CONCLUDED and self.record.void is None and self.record.complete

    @property
    def trouble(self) -> str | None:
        """Why it answers nothing, in one line; None where it does."""
        if self.answers:
            return None
        if self.stage is Stage.RUNNING:
            return f"the run goes on: {_progress(self.record)}"
        return self.record.void or f"{counted_noun(self.record.counts.not_run, 'planned test')} not run"

    @property
    def heading(self) -> str | None:
        """The line that every view of a run without an answer begins with; None where it has one."""
        if self.answers:
            return None
        word = "RUNNING" if self.stage is Stage.RUNNING else "VOID"
        return f"{word}: {self.trouble}"


def recorded_run(folder: EvidenceFolder, root: Path) -> RecordedRun:
    """Read a run of phase A. Raises `VoidError` where its `results.json` is damaged."""
    if folder.sealed:
        return RecordedRun(folder, read_record(folder.path), Stage.CONCLUDED)
    stage = Stage.RUNNING if folder.in_use else Stage.CUT_SHORT
    if (folder.path / RESULTS).is_file():
        record = read_record(folder.path)
        why = record.void or "it was cut short before it was concluded"
        return RecordedRun(folder, record.model_copy(update={"complete": False, "void": why}), stage)
    # it brings what a run resumes with, which a folder with results does not need
    from triage.run.unfinished import read_unfinished

    record = read_unfinished(folder, root, "the run was cut short")
    why = f"it was cut short: {_progress(record)}"
    return RecordedRun(folder, record.model_copy(update={"void": why}), stage)


def latest_recorded(output: Path, root: Path) -> RecordedRun | None:
    """The newest run, whatever became of it; None before the first."""
    folders = EvidenceFolder.all(output, phase="a")
    return recorded_run(folders[-1], root) if folders else None


def latest_answer(output: Path) -> RecordedRun | None:
    """The newest run from which something can be concluded; None where there is none."""
    for folder in reversed(EvidenceFolder.all(output, phase="a")):
        if folder.sealed:
            found = recorded_run(folder, output)
            if found.answers:
                return found
    return None


def _progress(record: RunRecord) -> str:
    """How many of its planned tests have an outcome."""
    counts = record.counts
    if not counts.collected:
        return "nothing is known of its tests yet"
    return f"{counts.collected - counts.not_run} of {counts.collected} planned tests have an outcome"


def read_record(folder: Path) -> RunRecord:
    """The record of a run. Raises `VoidError` where the run never came so far or the file is damaged."""
    path = folder / RESULTS
    try:
        return read_run_record(path)
    except FileNotFoundError as error:
        raise VoidError(
            "unfinished-run",
            f"{folder.name} has no results: the run was cut short",
            f"finish it with 'triage run --resume {folder.name}'",
        ) from error
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def read_failures(folder: Path) -> tuple[FailureRow, ...]:
    """The failures of a run in the order of its record; none where it was cut short."""
    path = folder / "failures.json"
    if not path.is_file():
        return ()
    try:
        return read_rows(path, "failures", FailureRow)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def read_clusters(folder: Path) -> tuple[Cluster, ...]:
    """The clusters as a run's folder has them; none where it was cut short."""
    return tuple(
        _row(Cluster, row, folder / "clusters.json") for row in _rows(folder / "clusters.json", "clusters")
    )


def _rows(path: Path, name: str) -> list[Any]:
    if not path.is_file():
        return []
    try:
        rows = json.loads(read_record_bytes(path))[name]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from error
    return rows if isinstance(rows, list) else []


def _row(kind: type[_Kind], row: object, path: Path) -> _Kind:
    try:
        return kind.model_validate(row)
    except ValidationError as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> VoidError:
    return VoidError("bad-evidence", f"{path}: {reason_of(error)}", "'triage check' tells what was changed")

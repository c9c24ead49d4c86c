"""Read recorded runs back from their folders: results, failures with their clusters, clusters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, ValidationError

from triage.errors import VoidError
from triage.evidence.folder import EvidenceFolder
from triage.model.base import Value, reason_of
from triage.model.cluster import Cluster
from triage.model.run import RunRecord

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


def latest_folder(root: Path) -> EvidenceFolder | None:
    """The folder of the latest run that has results; None before the first."""
    for folder in reversed(EvidenceFolder.all(root, phase="a")):
        if (folder.path / "results.json").is_file():
            return folder
    return None


def read_record(folder: Path) -> RunRecord:
    """The record of a run. Raises `VoidError` where the run never came so far or the file is damaged."""
    path = folder / "results.json"
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise VoidError(
            "unfinished-run",
            f"{folder.name} has no results: the run was cut short",
            f"finish it with 'triage run --resume {folder.name}'",
        ) from error
    except (ValidationError, OSError) as error:
        raise _damaged(path, error) from error


def read_failures(folder: Path) -> tuple[FailureRow, ...]:
    """The failures of a run in the order of its record; none where it was cut short."""
    return tuple(
        _row(FailureRow, row, folder / "failures.json") for row in _rows(folder / "failures.json", "failures")
    )


def read_clusters(folder: Path) -> tuple[Cluster, ...]:
    """The clusters as a run's folder has them; none where it was cut short."""
    return tuple(
        _row(Cluster, row, folder / "clusters.json") for row in _rows(folder / "clusters.json", "clusters")
    )


def _rows(path: Path, name: str) -> list[Any]:
    if not path.is_file():
        return []
    try:
        rows = json.loads(path.read_bytes())[name]
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

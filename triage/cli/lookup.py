"""Finding recorded runs and what they hold."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from triage.cli.context import App
from triage.errors import TriageError, UsageError, VoidError
from triage.evidence.folder import EvidenceFolder
from triage.model.cluster import Cluster, RunState
from triage.model.run import RunRecord


def run_folder(app: App, stamp: str | None) -> EvidenceFolder:
    """The phase A folder of a STAMP; without one, of the latest run that has results."""
    if stamp is not None:
        return EvidenceFolder.find(app.root, stamp, phase="a")
    for folder in reversed(EvidenceFolder.all(app.root, phase="a")):
        if (folder.path / "results.json").is_file():
            return folder
    raise UsageError("no-runs", f"no run is recorded under {app.root / 'reports'}", "start with 'triage run'")


def latest_run(app: App) -> RunRecord | None:
    """The latest run that has results; None before the first."""
    try:
        return load_results(app, None)
    except UsageError as error:
        if error.slug == "no-runs":
            return None
        raise


def load_results(app: App, stamp: str | None) -> RunRecord:
    """The record of a run (default: the latest)."""
    return read_record(run_folder(app, stamp).path)


def read_record(folder: Path) -> RunRecord:
    """The record in a run's folder; VoidError where the run never came so far or the file is damaged."""
    path = folder / "results.json"
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise VoidError(
            "unfinished-run", f"{folder.name} has no results: the run was cut short",
            f"finish it with 'triage run --resume {folder.name}'",
        ) from error  # fmt: skip
    except (ValidationError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise VoidError(
            "bad-evidence", f"{path}: {reason}", "'triage check' tells what was changed"
        ) from error


def read_failures(folder: Path) -> list[dict[str, Any]]:
    """Rows of failures.json: nodeid, phase, signature, cluster, in the order of the record."""
    path = folder / "failures.json"
    if not path.is_file():
        return []
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_bytes())["failures"]
    except (ValueError, KeyError, TypeError) as error:
        raise VoidError(
            "bad-evidence", f"{path}: {error}", "'triage check' tells what was changed"
        ) from error
    return rows


def result_rows(record: RunRecord, failures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results as `triage results --json` prints them, collection errors first."""
    known: dict[str, list[dict[str, Any]]] = {}
    for row in failures:
        known.setdefault(row["nodeid"], []).append(row)
    rows = []
    for result in (*record.collect_errors, *record.results):
        row = result.model_dump(mode="json", exclude={"failures"})
        row["failures"] = [
            {
                "phase": failure.phase.value,
                "exception": failure.exception,
                "message": failure.message,
                "signature": found.get("signature"),
                "cluster": found.get("cluster"),
            }
            for failure in result.failures
            for found in [known[failure.nodeid].pop(0) if known.get(failure.nodeid) else {}]
        ]
        rows.append(row)
    return rows


def clusters_of_run(folder: EvidenceFolder) -> tuple[Cluster, ...]:
    """The clusters as a run's folder has them; none where it was cut short."""
    path = folder.path / "clusters.json"
    if not path.is_file():
        return ()
    try:
        return tuple(Cluster.model_validate(row) for row in json.loads(path.read_bytes())["clusters"])
    except (ValueError, KeyError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise VoidError(
            "bad-evidence", f"{path}: {reason}", "'triage check' tells what was changed"
        ) from error


def states_of(app: App, run: RunRecord | None) -> dict[str, RunState]:
    """Cluster id to its state in a run; empty without one."""
    if run is None:
        return {}
    try:
        folder = EvidenceFolder.find(app.root, run.stamp, run.campaign, "a")
    except TriageError:
        return {}
    return {c.id: c.state_in_run for c in clusters_of_run(folder) if c.state_in_run is not None}


_RUNS = 20


def signatures_by_test(app: App, runs: int = _RUNS) -> dict[str, set[str]]:
    """Node id to every signature that it had in the latest runs."""
    found: dict[str, set[str]] = defaultdict(set)
    for folder in EvidenceFolder.all(app.root, phase="a")[-runs:]:
        for row in read_failures(folder.path):
            found[row["nodeid"]].update(row.get("signatures") or [row["signature"]])
    return dict(found)

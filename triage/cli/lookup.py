"""Find recorded runs and what they hold, for the commands that only show."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from triage.campaign.recorded import (
    FailureRow,
    latest_folder,
    read_clusters,
    read_failures,
    read_record,
)
from triage.cli.context import App
from triage.errors import TriageError, UsageError
from triage.evidence.folder import EvidenceFolder
from triage.model.cluster import RunState
from triage.model.run import RunRecord, TestResult

_RUNS_OF_SIGNATURES = 20
"""The latest runs in which a split looks for the signatures of a test."""


def run_folder(app: App, stamp: str | None) -> EvidenceFolder:
    """The phase A folder of a STAMP; without one, of the latest run that has results."""
    if stamp is not None:
        return EvidenceFolder.find(app.root, stamp, phase="a")
    latest = latest_folder(app.root)
    if latest is None:
        reports = app.root / "reports"
        raise UsageError("no-runs", f"no run is recorded under {reports}", "start with 'triage run'")
    return latest


def latest_run(app: App) -> RunRecord | None:
    """The latest run that has results; None before the first."""
    latest = latest_folder(app.root)
    return None if latest is None else read_record(latest.path)


def load_results(app: App, stamp: str | None) -> RunRecord:
    """The record of a run (default: the latest)."""
    return read_record(run_folder(app, stamp).path)


def results_as_json(record: RunRecord, rows: tuple[FailureRow, ...]) -> list[dict[str, Any]]:
    """Results as `triage results --json` prints them, collection errors first."""
    waiting: dict[str, list[FailureRow]] = defaultdict(list)
    for row in rows:
        waiting[row.nodeid].append(row)
    return [_result_as_json(result, waiting) for result in (*record.collect_errors, *record.results)]


def _result_as_json(result: TestResult, waiting: dict[str, list[FailureRow]]) -> dict[str, Any]:
    """One result; takes the rows of its failures, in their order, from those that wait."""
    document = result.model_dump(mode="json", exclude={"failures"})
    document["failures"] = []
    for failure in result.failures:
        rows = waiting[failure.nodeid]
        row = rows.pop(0) if rows else None
        document["failures"].append(
            {
                "phase": failure.phase.value,
                "exception": failure.exception,
                "message": failure.message,
                "signature": row.signature if row else None,
                "cluster": row.cluster if row else None,
            }
        )
    return document


def states_of(app: App, run: RunRecord | None) -> dict[str, RunState]:
    """Cluster id to its state in a run; empty without one."""
    if run is None:
        return {}
    try:
        folder = EvidenceFolder.find(app.root, run.stamp, run.campaign, "a")
    except TriageError:
        return {}
    clusters = read_clusters(folder.path)
    return {cluster.id: cluster.state_in_run for cluster in clusters if cluster.state_in_run is not None}


def signatures_by_test(folder: EvidenceFolder) -> dict[str, set[str]]:
    """Node id to every signature that it had in one run."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in read_failures(folder.path):
        found[row.nodeid].update(row.all_signatures)
    return dict(found)


def recent_signatures(app: App) -> dict[str, set[str]]:
    """Node id to every signature that it had in the latest runs."""
    found: dict[str, set[str]] = defaultdict(set)
    for folder in EvidenceFolder.all(app.root, phase="a")[-_RUNS_OF_SIGNATURES:]:
        for nodeid, signatures in signatures_by_test(folder).items():
            found[nodeid] |= signatures
    return dict(found)

"""Find recorded runs and what they hold, for the commands that only show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from triage.campaign.clusters_of_run import clusters_of_run
from triage.campaign.recorded import (
    FailureRow,
    RecordedRun,
    latest_answer,
    latest_recorded,
    read_failures,
    recorded_run,
)
from triage.cli.context import App
from triage.cluster.quarantine import quarantine_of_test
from triage.cluster.registry import ClusterRegistry, is_latent
from triage.errors import UsageError
from triage.evidence.folder import EvidenceFolder
from triage.model.cluster import Cluster, RunState
from triage.model.quarantine import Quarantine
from triage.model.run import RunRecord, TestResult

if TYPE_CHECKING:
    from triage.cli.json_documents.runs import FailureInRun, ResultRow

_RUNS_OF_SIGNATURES = 20
"""The latest runs in which a split looks for the signatures of a test."""


def recorded(app: App, stamp: str | None) -> RecordedRun:
    """The run of a STAMP; without one the newest, whatever became of it."""
    if stamp is not None:
        return recorded_run(EvidenceFolder.find(app.output, stamp, phase="a"), app.root)
    latest = latest_recorded(app.output, app.root)
    if latest is None:
        reports = app.output / "reports"
        raise UsageError("no-runs", f"no run is recorded under {reports}", "start with 'triage run'")
    return latest


def run_to_work_on(app: App) -> RecordedRun | None:
    """The newest run that has answered, for commands that go on from it; says where a newer one has not.

    None where there is none, not even one that was cut short.
    """
    latest = latest_recorded(app.output, app.root)
    if latest is None or latest.answers:
        return latest
    answered = latest_answer(app.output)
    chosen = answered or latest
    app.note(f"{latest.record.stamp} is {latest.heading}; going on from {chosen.record.stamp}")
    return chosen


def result_rows(
    record: RunRecord, rows: tuple[FailureRow, ...], quarantines: Sequence[Quarantine]
) -> list[ResultRow]:
    """Results as `triage results` shows them, collection errors first; `quarantines` as of now."""
    from triage.cli.json_documents.runs import ResultRow  # most commands that look something up show none

    waiting: dict[str, list[FailureRow]] = defaultdict(list)
    for row in rows:
        waiting[row.nodeid].append(row)
    # what tests attached is long, and in the report
    shared = TestResult.model_fields.keys() & ResultRow.model_fields.keys()
    found = []
    for result in (*record.collect_errors, *record.results):
        failures = _failures(result, waiting)
        clusters = [failure.cluster for failure in failures if failure.cluster is not None]
        fields = {name: getattr(result, name) for name in shared if name != "failures"}
        quarantine = quarantine_of_test(result.nodeid, clusters, quarantines)
        found.append(ResultRow(**fields, failures=failures, quarantine=quarantine))
    return found


def _failures(result: TestResult, waiting: dict[str, list[FailureRow]]) -> tuple[FailureInRun, ...]:
    """The failures of one result; takes their rows, in their order, from those that wait."""
    from triage.cli.json_documents.runs import FailureInRun

    found = []
    for failure in result.failures:
        rows = waiting[failure.nodeid]
        row = rows.pop(0) if rows else None
        found.append(
            FailureInRun(
                phase=failure.phase.value,
                exception=failure.exception,
                message=failure.message,
                signature=row.signature if row else None,
                cluster=row.cluster if row else None,
            )
        )
    return tuple(found)


def clusters_in(app: App, registry: ClusterRegistry, run: RecordedRun | None) -> dict[str, Cluster]:
    """The journal's clusters as a run has them, by their ids of now; empty without a run.

    A number that the run allotted may be another cluster's now, where two branches were merged.
    """
    if run is None:
        return {}
    return {cluster.id: cluster for cluster in clusters_of_run(app.output, registry, run.folder)}


def states_of(app: App, registry: ClusterRegistry, run: RecordedRun | None) -> dict[str, RunState]:
    """Cluster id to its state in a run; of latent ones also without a run, of others not."""
    states = {cluster.id: RunState.LATENT for cluster in registry.live if is_latent(cluster)}
    for cluster_id, cluster in clusters_in(app, registry, run).items():
        if cluster.state_in_run is not None:
            states[cluster_id] = cluster.state_in_run
    return states


def signatures_by_test(folder: EvidenceFolder) -> dict[str, set[str]]:
    """Node id to every signature that it had in one run."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in read_failures(folder.path):
        found[row.nodeid].update(row.all_signatures)
    return dict(found)


def recent_signatures(app: App) -> dict[str, set[str]]:
    """Node id to every signature that it had in the latest runs."""
    found: dict[str, set[str]] = defaultdict(set)
    for folder in EvidenceFolder.all(app.output, phase="a")[-_RUNS_OF_SIGNATURES:]:
        for nodeid, signatures in signatures_by_test(folder).items():
            found[nodeid] |= signatures
    return dict(found)

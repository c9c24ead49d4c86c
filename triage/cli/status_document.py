"""What `triage status --json` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from triage.campaign.explanation import KnownCause
from triage.campaign.next_steps import Step
from triage.campaign.recorded import RecordedRun
from triage.cli.json_documents.project import ClusterInStatus, LatestRun, StatusDocument
from triage.cli.json_documents.runs import counts_of
from triage.cluster.quarantine import with_quarantine
from triage.cluster.registry import ClusterRegistry
from triage.model.cluster import Cluster, RunState


def status_document(
    root: Path,
    registry: ClusterRegistry,
    latest: RecordedRun | None,
    *,
    shown: Iterable[Cluster],
    states: Mapping[str, RunState],
    causes: Mapping[str, KnownCause],
    steps: Sequence[Step],
) -> StatusDocument:
    """Where the campaign stands; `shown` are the clusters of the page that was asked for."""
    return StatusDocument(
        root=str(root),
        latest=_latest(latest) if latest is not None else None,
        clusters=tuple(
            _row(
                with_quarantine(cluster, registry.quarantines),
                states.get(cluster.id),
                causes.get(cluster.id),
            )
            for cluster in shown
        ),
        by_status=dict(Counter(cluster.status.value for cluster in registry.clusters.values())),
        proposals=len(registry.proposals),
        quarantines=tuple(registry.quarantines),
        next=steps[0] if steps else None,
    )


def _latest(run: RecordedRun) -> LatestRun:
    record = run.record
    return LatestRun(
        stamp=record.stamp,
        campaign=record.campaign,
        stage=run.stage.value,
        complete=record.complete,
        void=run.trouble,
        counts=counts_of(record),
        collect_errors=record.counts.collect_errors,
    )


def _row(cluster: Cluster, state: RunState | None, cause: KnownCause | None) -> ClusterInStatus:
    return ClusterInStatus(
        id=cluster.id,
        title=cluster.title,
        status=cluster.status.value,
        owner=cluster.owner,
        state_in_run=state,
        members=len(cluster.members),
        quarantine=cluster.quarantine,
        cause=cause,
    )

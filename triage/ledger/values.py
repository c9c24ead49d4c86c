"""What the ledgers state, computed from the journal's clusters and events alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from triage.model.cluster import Cluster, ClusterStatus
from triage.model.journal import (
    AttemptRecorded,
    ClustersMerged,
    ClusterSplit,
    CriterionMet,
    Event,
    OwnerSet,
    StatusChanged,
)

_NEXT = {
    ClusterStatus.OPEN: "triage probe",
    ClusterStatus.PROBED: "triage design",
    ClusterStatus.DESIGNED: "triage verify",
}


def ledger_values(clusters: Iterable[Cluster], events: Sequence[Event]) -> dict[str, Any]:
    """JSON for the ledgers' templates: every cluster with its attempts, criteria and changes, by number."""
    ordered = sorted(clusters, key=lambda cluster: cluster.number)
    by_cluster: dict[str, list[tuple[int, Event]]] = {}
    for at, event in enumerate(events):
        by_cluster.setdefault(getattr(event, "cluster", ""), []).append((at, event))
    return {"clusters": [_cluster(cluster, _own(cluster, by_cluster)) for cluster in ordered]}


def _own(cluster: Cluster, by_cluster: Mapping[str, list[tuple[int, Event]]]) -> list[Event]:
    """Events of a cluster and of those merged into it, in the order of the journal."""
    found = [pair for name in (cluster.id, *cluster.aliases) for pair in by_cluster.get(name, ())]
    return [event for _, event in sorted(found, key=lambda pair: pair[0])]


def _cluster(cluster: Cluster, own: Sequence[Event]) -> dict[str, Any]:
    command = _NEXT.get(cluster.status)
    return {
        **cluster.model_dump(mode="json", exclude={"state_in_run"}),
        "next": f"{command} {cluster.id}" if command else None,
        "attempts": [
            {"number": number, **_attempt(event)}
            for number, event in enumerate((e for e in own if isinstance(e, AttemptRecorded)), start=1)
        ],
        "criteria": [
            event.model_dump(mode="json", include={"criterion", "scope", "runs", "stamp", "evidence"})
            for event in own
            if isinstance(event, CriterionMet)
        ],
        "changes": [change for event in own if (change := _change(event)) is not None],
    }


def _attempt(event: AttemptRecorded) -> dict[str, Any]:
    return event.model_dump(mode="json", include={"phase", "campaign", "stamp", "summary", "evidence", "by"})


def _change(event: Event) -> dict[str, Any] | None:
    """A decision about a cluster as one line of its history."""
    what: str | None = None
    reason, stamp = "", None
    if isinstance(event, StatusChanged):
        what, reason, stamp = event.status.value, event.reason, event.stamp
    elif isinstance(event, ClustersMerged):
        what = f"merged into {event.into}"
    elif isinstance(event, ClusterSplit):
        what = f"split: {event.new} left it"
    elif isinstance(event, OwnerSet):
        what = f"owned by {event.owner}"
    if what is None:
        return None
    return {"at": event.at, "by": event.by, "what": what, "reason": reason, "stamp": stamp}

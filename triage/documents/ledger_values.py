"""Make the values that the ledgers' templates show: every cluster with its attempts, criteria and changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from triage.cluster.next_command import next_command
from triage.cluster.registry import ClusterRegistry
from triage.model.cluster import Cluster, ClusterStatus, RunState
from triage.model.journal import (
    AttemptRecorded,
    ClustersMerged,
    ClusterSplit,
    CriterionMet,
    Event,
    OwnerSet,
    Quarantined,
    QuarantineLifted,
    StatusChanged,
)

_ATTEMPT_FIELDS = {"phase", "campaign", "stamp", "summary", "evidence", "by"}
_CRITERION_FIELDS = {"criterion", "scope", "runs", "stamp", "evidence"}


def ledger_values(registry: ClusterRegistry, repairs: Mapping[str, int]) -> dict[str, Any]:
    """Make the JSON that the templates see, clusters by number.

    `repairs` is how many repairs the latest probe of a cluster proposes, by cluster.
    """
    clusters, events, quarantines = registry.clusters.values(), registry.decisions, registry.quarantines
    fixed = registry.fixed
    by_cluster: dict[str, list[tuple[int, Event]]] = {}
    for position, event in enumerate(events):
        by_cluster.setdefault(getattr(event, "cluster", ""), []).append((position, event))
    ordered = sorted(clusters, key=lambda cluster: cluster.number)
    by_day = sorted(quarantines, key=lambda quarantine: (quarantine.until, quarantine.subject))
    return {
        "clusters": [
            {
                **_cluster(cluster, _events_of(cluster, by_cluster)),
                "next": _next(cluster, fixed, repairs.get(cluster.id)),
            }
            for cluster in ordered
        ],
        "quarantines": [
            {**quarantine.model_dump(mode="json"), "subject": quarantine.subject} for quarantine in by_day
        ],
    }


def _next(cluster: Cluster, fixed: frozenset[str], repairs: int | None) -> str | None:
    state = RunState.FIXED if cluster.id in fixed else None
    return next_command(cluster.model_copy(update={"state_in_run": state}), repairs)


def _events_of(cluster: Cluster, by_cluster: Mapping[str, list[tuple[int, Event]]]) -> list[Event]:
    """Events of a cluster and of those merged into it, in the order of the journal."""
    found: list[tuple[int, Event]] = []
    for name in (cluster.id, *cluster.aliases):
        found += by_cluster.get(name, [])
    return [event for _, event in sorted(found, key=lambda pair: pair[0])]


def _cluster(cluster: Cluster, events: Sequence[Event]) -> dict[str, Any]:
    attempts: list[dict[str, Any]] = []
    criteria: list[dict[str, Any]] = []
    changes: list[dict[str, Any]] = []
    for event in events:
        change = _change(event)
        if isinstance(event, AttemptRecorded):
            fields = event.model_dump(mode="json", include=_ATTEMPT_FIELDS)
            attempts.append({"number": len(attempts) + 1, **fields})
        elif isinstance(event, CriterionMet):
            criteria.append(event.model_dump(mode="json", include=_CRITERION_FIELDS))
        elif change is not None:
            changes.append(change)
    return {
        **cluster.model_dump(mode="json", exclude={"state_in_run"}),
        "cause": _cause(events),
        "attempts": attempts,
        "criteria": criteria,
        "changes": changes,
    }


def _cause(events: Sequence[Event]) -> dict[str, Any] | None:
    """What the newest probe that found a cause says, and where it says so; None where none has."""
    found = [
        event.stamp
        for event in events
        if isinstance(event, StatusChanged) and event.status is ClusterStatus.PROBED
    ]
    attempts = [
        event
        for event in events
        if isinstance(event, AttemptRecorded) and event.phase == "b" and event.stamp in found
    ]
    if not attempts or not attempts[-1].evidence:
        return None
    return {"said": attempts[-1].summary, "evidence": attempts[-1].evidence[0]}


def _change(event: Event) -> dict[str, Any] | None:
    """A decision about a cluster as one line of its history; None for an event of another kind."""
    reason, stamp = "", None
    match event:
        case StatusChanged():
            what, reason, stamp = event.status.value, event.reason, event.stamp
        case ClustersMerged():
            what = f"merged into {event.into}"
        case ClusterSplit():
            what = f"split: {event.new} left it"
        case Quarantined():
            what, reason = f"in quarantine until {event.until}, answered for by {event.owner}", event.reason
        case QuarantineLifted():
            what, reason = "out of quarantine", event.reason
        case OwnerSet():
            what = f"owned by {event.owner}"
        case _:
            return None
    return {"at": event.at, "by": event.by, "what": what, "reason": reason, "stamp": stamp}

"""Turn what people decide of clusters into events; refuse what makes no sense before it is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from triage.cluster.event_factory import EventFactory
from triage.cluster.registry import ClusterRegistry
from triage.errors import UsageError
from triage.model.cluster import Cluster, Why, is_cluster_id
from triage.model.journal import (
    ClustersMerged,
    ClusterSplit,
    Event,
    OwnerSet,
    ProposalDropped,
    Quarantined,
    QuarantineLifted,
    Renamed,
)


def merge(
    registry: ClusterRegistry, factory: EventFactory, ids: Sequence[str], reason: str | None = None
) -> list[Event]:
    """All clusters into the first one named; their ids stay as its aliases."""
    target, *others = [registry.resolve(cluster_id) for cluster_id in ids]
    if not others:
        raise UsageError("bad-merge", "a merge needs at least two clusters", "triage merge C4 C7")
    events: list[Event] = []
    for named, cluster_id in zip(ids[1:], others, strict=True):
        if cluster_id == target or any(getattr(event, "cluster", "") == cluster_id for event in events):
            raise UsageError(
                "bad-merge", f"{named} is part of {ids[0]} already", f"`triage show {target}` has its aliases"
            )
        why = (Why(kind="person", detail=reason or "decided by a person"),)
        events.append(factory.make(ClustersMerged, cluster=cluster_id, into=target, why=why))
    return events


def split(
    registry: ClusterRegistry,
    factory: EventFactory,
    cluster_id: str,
    nodeids: Iterable[str],
    *,
    signatures_of: Mapping[str, Iterable[str]],
    title: str | None = None,
    reason: str | None = None,
) -> list[Event]:
    """The tests leave the cluster for a new one.

    `signatures_of` maps node ids to the signatures that were seen of them: a signature that only tests
    which leave have goes along, so that newcomers with it join the new cluster.
    """
    cluster = registry.cluster(cluster_id)
    leaving = _leaving(cluster, nodeids)
    going = {sig for nodeid in leaving for sig in signatures_of.get(nodeid, ())} & set(cluster.signatures)
    staying = {
        sig for member in cluster.members if member not in leaving for sig in signatures_of.get(member, ())
    }
    if any(member not in signatures_of for member in cluster.members if member not in leaving):
        staying |= going  # a test that stays and was not seen may have any of them
    new = f"C{registry.next_number}"
    return [
        factory.make(
            ClusterSplit,
            cluster=cluster.id,
            new=new,
            title=_line(title, "title") if title is not None else f"{cluster.title} ({leaving[0]})"[:200],
            members=leaving,
            signatures=tuple(sorted(going - staying)),
            why=(Why(kind="person", detail=reason or f"split from {cluster.id} by a person"),),
        )
    ]


def _leaving(cluster: Cluster, nodeids: Iterable[str]) -> tuple[str, ...]:
    leaving = tuple(sorted(set(nodeids)))
    strangers = [nodeid for nodeid in leaving if nodeid not in cluster.members]
    if strangers:
        raise UsageError(
            "bad-split",
            f"{strangers[0]} is no member of {cluster.id}",
            f"`triage show {cluster.id}` lists its members",
        )
    if not leaving or len(leaving) == len(cluster.members):
        raise UsageError(
            "bad-split",
            f"{cluster.id} would keep none of its {len(cluster.members)} members"
            if leaving
            else "no test is named",
            "name some of its members, not all",
        )
    return leaving


def keep_apart(
    registry: ClusterRegistry, factory: EventFactory, one: str, other: str, reason: str
) -> list[Event]:
    """Two clusters have different causes: no proposal to merge them is made again."""
    first, second = registry.resolve(one), registry.resolve(other)
    if first == second:
        raise UsageError("bad-split", f"{one} and {other} are one cluster", "`triage split` takes it apart")
    return [factory.make(ProposalDropped, cluster=first, with_cluster=second, reason=reason)]


def own(registry: ClusterRegistry, factory: EventFactory, cluster_id: str, owner: str) -> list[Event]:
    """Who takes care of a cluster."""
    return [factory.make(OwnerSet, cluster=registry.resolve(cluster_id), owner=_line(owner, "owner"))]


def rename(registry: ClusterRegistry, factory: EventFactory, cluster_id: str, title: str) -> list[Event]:
    """A better title."""
    return [factory.make(Renamed, cluster=registry.resolve(cluster_id), title=_line(title, "title"))]


_LONGEST_QUARANTINE = timedelta(days=365)
"""What nobody mends within a year is no emergency: xfail or delete the test."""


def put_in_quarantine(
    registry: ClusterRegistry,
    factory: EventFactory,
    subject: str,
    *,
    until: date,
    owner: str,
    reason: str,
    today: date,
) -> list[Event]:
    """Vouch for a cluster (`C7`), or for a test, file or folder, through the day `until`."""
    if until < today:
        raise UsageError("bad-quarantine", f"{until} is over", "name today or a later day")
    if until - today > _LONGEST_QUARANTINE:
        raise UsageError("bad-quarantine", f"{until} is more than a year away", "name an earlier day")
    named = _subject(registry, subject)
    who, why = _line(owner, "owner"), _line(reason, "reason")
    return [factory.make(Quarantined, **named, until=until, owner=who, reason=why)]


def lift_quarantine(
    registry: ClusterRegistry, factory: EventFactory, subject: str, reason: str
) -> list[Event]:
    """End the quarantine of a cluster or a test."""
    named = _subject(registry, subject)
    known = [quarantine.subject for quarantine in registry.quarantines]
    if (named.get("cluster") or named.get("nodeid")) not in known:
        raise UsageError(
            "bad-quarantine",
            f"{subject} is not in quarantine",
            f"in quarantine: {', '.join(known) or 'nothing'}",
        )
    return [factory.make(QuarantineLifted, **named, reason=_line(reason, "reason"))]


def _subject(registry: ClusterRegistry, subject: str) -> dict[str, str]:
    """`C7` is a cluster, which must be known; everything else is a node id."""
    if is_cluster_id(subject):
        return {"cluster": registry.resolve(subject)}
    if not subject.strip():
        raise UsageError("bad-quarantine", "the node id is empty", "name a cluster or a test")
    return {"nodeid": subject}


def _line(text: str, what: str) -> str:
    line = " ".join(text.split())
    if not line or len(line) > 200:
        raise UsageError(
            "bad-text", f"the {what} is empty or longer than 200 characters", f"give a short {what}"
        )
    return line

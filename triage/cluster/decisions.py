"""Turn what people decide of clusters into events; refuse what makes no sense before it is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from triage.cluster.event_factory import EventFactory
from triage.cluster.registry import ClusterRegistry
from triage.errors import UsageError
from triage.model.cluster import Cluster, Why
from triage.model.journal import (
    ClustersMerged,
    ClusterSplit,
    Event,
    OwnerSet,
    ProposalDropped,
    Renamed,
)
from triage.text.plural import counted_noun

_LONGEST_LINE = 200
"""Characters of a title, a name or a reason: the ledgers show each of them in one line."""


def merge(
    registry: ClusterRegistry, factory: EventFactory, ids: Sequence[str], reason: str | None = None
) -> list[Event]:
    """All clusters into the first one named; their ids stay as its aliases."""
    if len(ids) < 2:
        raise UsageError("bad-merge", "a merge needs at least two clusters", "triage merge C4 C7")
    why = _by_a_person(reason or "decided by a person")
    target = registry.resolve(ids[0])
    merged = {target}
    events: list[Event] = []
    for named in ids[1:]:
        cluster_id = registry.resolve(named)
        if cluster_id in merged:
            raise UsageError(
                "bad-merge", f"{named} is part of {ids[0]} already", f"`triage show {target}` has its aliases"
            )
        merged.add(cluster_id)
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
    if title is None:
        new_title = f"{cluster.title} ({leaving[0]})"[:_LONGEST_LINE]
    else:
        new_title = short_line(title, "title")
    event = factory.make(
        ClusterSplit,
        cluster=cluster.id,
        new=f"C{registry.next_number}",
        title=new_title,
        members=leaving,
        signatures=_signatures_going(cluster, leaving, signatures_of),
        why=_by_a_person(reason or f"split from {cluster.id} by a person"),
    )
    return [event]


def _by_a_person(detail: str) -> tuple[Why, ...]:
    return (Why(kind="person", detail=detail),)


def _signatures_going(
    cluster: Cluster, leaving: Sequence[str], signatures_of: Mapping[str, Iterable[str]]
) -> tuple[str, ...]:
    """The cluster's signatures that no test which stays may have, sorted."""
    going: set[str] = set()
    for nodeid in leaving:
        going.update(signatures_of.get(nodeid, ()))
    going.intersection_update(cluster.signatures)
    for member in cluster.members:
        if member in leaving:
            continue
        if member not in signatures_of:
            return ()  # a test that stays and was not seen may have any of them
        going.difference_update(signatures_of[member])
    return tuple(sorted(going))


def _leaving(cluster: Cluster, nodeids: Iterable[str]) -> tuple[str, ...]:
    """The tests that leave: some of the members, sorted. Raises `UsageError` for all others."""
    leaving = tuple(sorted(set(nodeids)))
    strangers = [nodeid for nodeid in leaving if nodeid not in cluster.members]
    if strangers:
        raise UsageError(
            "bad-split",
            f"{strangers[0]} is no member of {cluster.id}",
            f"`triage show {cluster.id}` lists its members",
        )
    advice = "name some of its members, not all"
    if not leaving:
        raise UsageError("bad-split", "no test is named", advice)
    if len(leaving) == len(cluster.members):
        members = counted_noun(len(cluster.members), "member")
        raise UsageError("bad-split", f"{cluster.id} would keep none of its {members}", advice)
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
    return [factory.make(OwnerSet, cluster=registry.resolve(cluster_id), owner=short_line(owner, "owner"))]


def rename(registry: ClusterRegistry, factory: EventFactory, cluster_id: str, title: str) -> list[Event]:
    """A better title."""
    return [factory.make(Renamed, cluster=registry.resolve(cluster_id), title=short_line(title, "title"))]


def short_line(text: str, what: str) -> str:
    """The text as one line. Raises `UsageError` where it is empty or too long; `what` names it there."""
    line = " ".join(text.split())
    if not line or len(line) > _LONGEST_LINE:
        raise UsageError(
            "bad-text",
            f"the {what} is empty or longer than {_LONGEST_LINE} characters",
            f"give a short {what}",
        )
    return line

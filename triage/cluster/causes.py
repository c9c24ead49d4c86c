"""Carry out what experiments decided of red tests: one cause, one cluster.

Tests with different causes in one cluster are split, clusters of one cause are merged into the oldest, and
proposals to merge clusters of different causes are dropped. What people decided stays: clusters that somebody
keeps apart are not merged, and one that somebody merged is not split.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from triage.cluster.context import Flip
from triage.cluster.event_factory import EventFactory
from triage.cluster.registry import ClusterRegistry
from triage.model.cluster import Cluster, ClusterStatus, Why
from triage.model.journal import ClustersMerged, ClusterSplit, Event, ProposalDropped

_LONGEST_TITLE = 200
"""Characters: the ledgers show a title in one line."""


@dataclass(frozen=True)
class DecidedCause:
    """Tests that one cause broke, as experiments proved."""

    tests: frozenset[str]
    detail: str
    """What `explain` says: the hunk, the figures, where the evidence lies."""
    title: str = ""
    """Of a cluster that is split off for it."""
    factor: str = ""
    """What was changed, as KIND:NAME=VALUE."""
    evidence: str = ""
    """Where the observations lie."""
    said: str = ""
    """The cause as a sentence."""
    confidence: Literal["proven", "likely"] = "likely"

    @property
    def why(self) -> tuple[Why, ...]:
        """The evidence for a split or a merge."""
        return (Why(kind="experiment", detail=self.detail),)


def flips_of_causes(causes: Sequence[DecidedCause]) -> tuple[Flip, ...]:
    """The causes in the form in which rules join and tell apart: each moved its own tests and no others."""
    every = frozenset[str]().union(*(cause.tests for cause in causes))
    return tuple(
        Flip(
            factor=cause.factor,
            flipped=cause.tests,
            unmoved=every - cause.tests,
            evidence=cause.evidence,
            said=cause.detail,
        )
        for cause in causes
    )


def carried_out(
    registry: ClusterRegistry, factory: EventFactory, causes: Sequence[DecidedCause]
) -> list[Event]:
    """The events that bring the clusters in line with the causes; none where they are."""
    splits = _splits(registry, factory, causes)
    after = ClusterRegistry.of((*registry.events, *splits))
    merges = _merges(after, factory, causes)
    finally_ = ClusterRegistry.of((*after.events, *merges))
    return [*splits, *merges, *_dropped(finally_, factory, causes)]


def cluster_of_cause(clusters: Iterable[Cluster], cause: DecidedCause) -> Cluster | None:
    """The open cluster that has most of a cause's tests; the oldest of several."""
    found = [cluster for cluster in clusters if _is_open(cluster) and cause.tests & set(cluster.members)]
    return max(
        found, key=lambda cluster: (len(cause.tests & set(cluster.members)), -cluster.number), default=None
    )


def _open(registry: ClusterRegistry) -> Iterable[Cluster]:
    return filter(_is_open, registry.live)


def _is_open(cluster: Cluster) -> bool:
    return cluster.status not in (ClusterStatus.RESOLVED, ClusterStatus.MERGED)


def _splits(registry: ClusterRegistry, factory: EventFactory, causes: Sequence[DecidedCause]) -> list[Event]:
    """Let tests go that have another cause than most of their cluster."""
    events: list[Event] = []
    number = registry.next_number
    for cluster in _open(registry):
        if any(why.kind == "person" for why in cluster.why):
            continue
        members = set(cluster.members)
        parts = [(cause, members & cause.tests) for cause in causes if members & cause.tests]
        undecided = members.difference(*(part for _, part in parts))
        if len(parts) + bool(undecided) < 2 or len(parts) < 2:
            continue
        # the largest part keeps the id; of equal ones the first by name
        parts.sort(key=lambda entry: (-len(entry[1]), min(entry[1])))
        for cause, leaving in parts[1:]:
            events.append(
                factory.make(
                    ClusterSplit,
                    cluster=cluster.id,
                    new=f"C{number}",
                    title=(cause.title or f"{cluster.title} ({min(leaving)})")[:_LONGEST_TITLE],
                    members=tuple(sorted(leaving)),
                    why=cause.why,
                )
            )
            number += 1
    return events


def _merges(registry: ClusterRegistry, factory: EventFactory, causes: Sequence[DecidedCause]) -> list[Event]:
    """Put the clusters of one cause together under the oldest id."""
    events: list[Event] = []
    for cause in causes:
        own = [cluster for cluster in _open(registry) if _is_of(cluster, cause, causes)]
        if len(own) < 2:
            continue
        oldest, *others = sorted(own, key=lambda cluster: cluster.number)
        for other in others:
            if _kept_apart_by_people(registry, oldest, other):
                continue
            events.append(factory.make(ClustersMerged, cluster=other.id, into=oldest.id, why=cause.why))
    return events


def _is_of(cluster: Cluster, cause: DecidedCause, causes: Iterable[DecidedCause]) -> bool:
    """Whether the cause is that of the cluster: some of its tests have it, and none has another."""
    members = set(cluster.members)
    if not members & cause.tests:
        return False
    return not any(members & other.tests for other in causes if other is not cause)


def _kept_apart_by_people(registry: ClusterRegistry, one: Cluster, other: Cluster) -> bool:
    """Whether somebody decided that these two are not one; what an experiment split it may join."""
    if frozenset((one.id, other.id)) not in registry.dropped:
        return False
    by_people = [
        event
        for event in registry.decisions
        if isinstance(event, ProposalDropped | ClusterSplit) and not _is_by_experiment(event)
    ]
    for event in by_people:
        pair = (event.cluster, event.with_cluster if isinstance(event, ProposalDropped) else event.new)
        if {registry.aliases.get(name, name) for name in pair} == {one.id, other.id}:
            return True
    return False


_DECIDED_BY_EXPERIMENT = "an experiment found different causes"
"""How the reason of a dropped proposal begins."""


def _is_by_experiment(event: ProposalDropped | ClusterSplit) -> bool:
    if isinstance(event, ProposalDropped):
        return event.reason.startswith(_DECIDED_BY_EXPERIMENT)
    return any(why.kind == "experiment" for why in event.why)


def _dropped(registry: ClusterRegistry, factory: EventFactory, causes: Sequence[DecidedCause]) -> list[Event]:
    """Answer proposals to merge clusters of which experiments found different causes."""
    cause_of: Mapping[str, DecidedCause] = {
        cluster.id: cause for cluster in _open(registry) for cause in causes if _is_of(cluster, cause, causes)
    }
    events: list[Event] = []
    answered: set[frozenset[str]] = set()
    for made in registry.proposals:
        if made.kind != "merge" or made.with_cluster is None:
            continue
        one, other = registry.resolve(made.cluster), registry.resolve(made.with_cluster)
        mine, theirs = cause_of.get(one), cause_of.get(other)
        pair = frozenset((one, other))
        if mine is None or theirs is None or mine is theirs or pair in answered:
            continue
        answered.add(pair)
        reason = f"{_DECIDED_BY_EXPERIMENT}: {mine.title}; {theirs.title}"
        events.append(factory.make(ProposalDropped, cluster=one, with_cluster=other, reason=reason))
    return events

"""Propose merges and splits of known clusters by what experiments did to their tests."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from triage.cluster.context import Flip
from triage.cluster.event_factory import EventFactory
from triage.cluster.registry import ClusterRegistry
from triage.cluster.tried_factors import Tried, is_specific, tried_factors
from triage.model.cluster import Cluster, ClusterStatus, Why
from triage.model.journal import Event, ProposalMade
from triage.text.plural import counted_noun

_TriedByCluster = Mapping[str, Tried]
"""Cluster id to what one factor did to the tests of the cluster."""


class _Suggestion(NamedTuple):
    """What tells one proposal from another, however it is worded."""

    kind: str
    clusters: tuple[str, ...]
    members: tuple[str, ...]


def conclusions(
    registry: ClusterRegistry,
    factory: EventFactory,
    flips: Sequence[Flip],
    first_bad: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> list[Event]:
    """What experiments suggest of clusters that are not resolved, as proposals that nobody has had yet.

    A cluster of which some tests flipped and others, tried alike, did not is proposed for a split; clusters
    all of whose tried tests flipped under one specific factor, or were broken by one and the same commit, are
    proposed to be one. `first_bad` has the commits of which one broke a test, by node id.
    """
    known = {_suggestion(made, registry) for made in registry.proposals}
    tried = _tried_by_factor(registry, flips)
    events: list[Event] = []
    for factor, clusters in tried.items():
        proposals = [
            *_splits(factor, clusters, tried, factory),
            *_merges(factor, clusters, registry, factory),
        ]
        events += _unknown(proposals, known, registry)
    return [*events, *_unknown(_broken_together(registry, first_bad, factory), known, registry)]


def _unknown(
    proposals: Iterable[ProposalMade], known: set[_Suggestion], registry: ClusterRegistry
) -> Iterator[ProposalMade]:
    """The proposals that nobody has had yet; they are known afterwards."""
    for made in proposals:
        suggestion = _suggestion(made, registry)
        if suggestion not in known:
            known.add(suggestion)
            yield made


def _suggestion(made: ProposalMade, registry: ClusterRegistry) -> _Suggestion:
    homes = [registry.resolve(made.cluster), registry.resolve(made.with_cluster or made.cluster)]
    return _Suggestion(made.kind, tuple(sorted(homes)), tuple(sorted(made.members)))


def _tried_by_factor(registry: ClusterRegistry, flips: Sequence[Flip]) -> dict[str, _TriedByCluster]:
    """What each factor did, cluster by cluster: an experiment on one failure says nothing of another."""
    found: dict[str, dict[str, Tried]] = {}
    for cluster in registry.live:
        if cluster.status is ClusterStatus.RESOLVED:
            continue
        own = [flip for flip in flips if flip.cluster is None or _means(registry, flip.cluster, cluster)]
        for factor, tried in tried_factors(own).items():
            of_cluster = tried.among(cluster.members)
            if of_cluster.moved or of_cluster.stayed:
                found.setdefault(factor, {})[cluster.id] = of_cluster
    return dict(sorted(found.items()))


def _means(registry: ClusterRegistry, cluster_id: str, cluster: Cluster) -> bool:
    """Whether the id that the cluster had at the time of the experiment is now this cluster."""
    return cluster_id in registry.clusters and registry.resolve(cluster_id) == cluster.id


def _splits(
    factor: str,
    clusters: _TriedByCluster,
    tried_by_factor: Mapping[str, _TriedByCluster],
    factory: EventFactory,
) -> Iterator[ProposalMade]:
    for cluster_id, tried in clusters.items():
        # what some specific factor made pass together with those that moved has their cause
        with_moved: set[str] = set()
        for together in _flipped_together(cluster_id, tried_by_factor):
            if together & tried.moved:
                with_moved |= together
        leaving = sorted(tried.stayed - with_moved)
        if not tried.moved or not leaving:
            continue
        why = Why(
            kind="experiment",
            detail=f"with {factor} the others pass and these do not{tried.place}",
            proposal=True,
            confirm=f"triage split {cluster_id} {shlex.join(leaving)}",
        )
        yield factory.make(ProposalMade, cluster=cluster_id, kind="split", members=tuple(leaving), why=(why,))


def _flipped_together(
    cluster_id: str, tried_by_factor: Mapping[str, _TriedByCluster]
) -> Iterator[frozenset[str]]:
    """Members that one specific factor made pass, factor by factor."""
    for factor, clusters in tried_by_factor.items():
        if is_specific(factor) and cluster_id in clusters:
            yield clusters[cluster_id].moved


def _merges(
    factor: str, clusters: _TriedByCluster, registry: ClusterRegistry, factory: EventFactory
) -> Iterator[ProposalMade]:
    if not is_specific(factor):
        return
    flipped_whole = [cluster_id for cluster_id, tried in clusters.items() if tried.moved and not tried.stayed]
    if not flipped_whole:
        return
    first, *others = flipped_whole
    for other in others:
        if frozenset((first, other)) in registry.dropped:
            continue
        counts = [_count(registry, cluster_id, clusters[cluster_id]) for cluster_id in (first, other)]
        why = Why(
            kind="experiment",
            detail=f"both pass with {factor}: {'; '.join(counts)}",
            proposal=True,
            confirm=f"triage merge {first} {other}",
        )
        yield factory.make(ProposalMade, cluster=other, kind="merge", with_cluster=first, why=(why,))


def _broken_together(
    registry: ClusterRegistry, first_bad: Mapping[str, frozenset[str]], factory: EventFactory
) -> Iterator[ProposalMade]:
    """Clusters whose tried tests were all broken by one commit, each with the oldest of them."""
    oldest: dict[str, Cluster] = {}
    for cluster in registry.live:
        suspects = [first_bad[nodeid] for nodeid in cluster.members if nodeid in first_bad]
        if cluster.status is ClusterStatus.RESOLVED or len(set(suspects)) != 1 or len(suspects[0]) != 1:
            continue
        (commit,) = suspects[0]
        first = oldest.setdefault(commit, cluster)
        if first is cluster or frozenset((first.id, cluster.id)) in registry.dropped:
            continue
        why = Why(
            kind="co-failure",
            detail=f"both were broken by {commit}",
            proposal=True,
            confirm=f"triage merge {first.id} {cluster.id}",
        )
        yield factory.make(ProposalMade, cluster=cluster.id, kind="merge", with_cluster=first.id, why=(why,))


def _count(registry: ClusterRegistry, cluster_id: str, tried: Tried) -> str:
    members = counted_noun(len(registry.clusters[cluster_id].members), "test")
    return f"{len(tried.moved)} of {members} of {cluster_id} tried{tried.place}"

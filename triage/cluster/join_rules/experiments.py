"""Join failures by experiments: those that flip together under one factor share a cause, those that do not
are told apart. Propose merges and splits of known clusters by the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote

from triage.cluster.context import Context, Flip
from triage.cluster.event_factory import EventFactory
from triage.cluster.groups import Unit
from triage.cluster.registry import ClusterRegistry
from triage.cluster.union import Join, star
from triage.model.cluster import Cluster, ClusterStatus, Why
from triage.model.journal import Event, ProposalMade

_UNSPECIFIC = (
    "alone:", "order:company", "repeat:", "seed:", "env:PYTHONHASHSEED", "workers:", "limit:",
    "clock:passing", "parameter:", "commit:", "dtype:",
)  # fmt: skip
"""Factors that make failures of many causes pass at once (company, chance, patience, precision, another
state of the code); they prove nothing about a common one."""


@dataclass(frozen=True)
class _Tried:
    """What one factor did to the tests of one cluster or run."""

    moved: frozenset[str]
    stayed: frozenset[str]
    evidence: tuple[str, ...] = ()


@dataclass
class _Verdicts:
    """Live clusters by what each factor did to them."""

    tried: dict[str, dict[str, _Tried]] = field(default_factory=dict)
    """Factor to cluster id to what it did; factors and clusters in order."""

    def together(self, cluster_id: str) -> list[frozenset[str]]:
        """Members that one specific factor flipped, factor by factor."""
        return [
            clusters[cluster_id].moved
            for factor, clusters in self.tried.items()
            if is_specific(factor) and cluster_id in clusters
        ]


def is_specific(factor: str) -> bool:
    """Whether failures that pass with this factor have that in common."""
    return not factor.startswith(_UNSPECIFIC)


def flipped_together(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Units all of whose tests passed once one specific factor was changed."""
    for factor, tried in _by_factor(context.flips).items():
        if is_specific(factor):
            together = [index for index, unit in enumerate(units) if set(unit.members) <= tried.moved]
            where = f" ({', '.join(tried.evidence)})" if tried.evidence else ""
            yield from star(together, Why(kind="experiment", detail=f"all pass with {factor}{where}"))


def told_apart(units: Sequence[Unit], flips: Sequence[Flip]) -> frozenset[frozenset[int]]:
    """Pairs of units of which one flipped whole and the other did not move."""
    pairs: set[frozenset[int]] = set()
    for tried in _by_factor(flips).values():
        moved = [index for index, unit in enumerate(units) if set(unit.members) <= tried.moved]
        stayed = [index for index, unit in enumerate(units) if set(unit.members) <= tried.stayed]
        pairs.update(frozenset((one, other)) for one in moved for other in stayed)
    return frozenset(pairs)


def conclusions(registry: ClusterRegistry, factory: EventFactory, flips: Sequence[Flip]) -> list[Event]:
    """What experiments suggest of clusters that are not resolved, as proposals that nobody has had yet.

    A cluster of which some tests flipped and others, tried alike, did not is proposed for a split; clusters
    all of whose tried tests flipped under one specific factor are proposed to be one.
    """
    verdicts = _verdicts(registry, flips)
    told = {_key(made, registry) for made in registry.proposals}
    events: list[Event] = []
    for factor, clusters in verdicts.tried.items():
        suggested = [
            *_splits(factor, clusters, verdicts, factory),
            *_merges(factor, clusters, registry, factory),
        ]
        for made in suggested:
            if (key := _key(made, registry)) not in told:
                told.add(key)
                events.append(made)
    return events


def _by_factor(flips: Iterable[Flip]) -> dict[str, _Tried]:
    """Factor to the tests that it moved and those that it did not, of one run."""
    found: dict[str, _Tried] = {}
    for flip in sorted(flips, key=lambda flip: (flip.factor, flip.evidence)):
        before = found.get(flip.factor, _Tried(frozenset(), frozenset()))
        evidence = (*before.evidence, flip.evidence) if flip.evidence else before.evidence
        found[flip.factor] = _Tried(
            before.moved | flip.flipped, before.stayed | flip.unmoved, tuple(dict.fromkeys(evidence))
        )
    return found


def _verdicts(registry: ClusterRegistry, flips: Sequence[Flip]) -> _Verdicts:
    """Flips sorted by cluster: an experiment on a cluster's failure says nothing of another one's."""
    verdicts = _Verdicts()
    for cluster in registry.live:
        if cluster.status is ClusterStatus.RESOLVED:
            continue
        own = [flip for flip in flips if flip.cluster is None or _means(registry, flip.cluster, cluster)]
        for factor, tried in _by_factor(own).items():
            members = frozenset(cluster.members)
            moved, stayed = tried.moved & members, tried.stayed & members
            if moved or stayed:
                verdicts.tried.setdefault(factor, {})[cluster.id] = _Tried(moved, stayed, tried.evidence)
    verdicts.tried = dict(sorted(verdicts.tried.items()))
    return verdicts


def _means(registry: ClusterRegistry, cluster_id: str, cluster: Cluster) -> bool:
    return cluster_id in registry.clusters and registry.resolve(cluster_id) == cluster.id


def _splits(
    factor: str, clusters: Mapping[str, _Tried], verdicts: _Verdicts, factory: EventFactory
) -> Iterator[ProposalMade]:
    for cluster_id, tried in clusters.items():
        joined = [moved for moved in verdicts.together(cluster_id) if moved & tried.moved]
        stayed = sorted(nodeid for nodeid in tried.stayed if not any(nodeid in moved for moved in joined))
        if tried.moved and stayed:
            detail = f"with {factor} the others pass and these do not{_where(tried.evidence)}"
            confirm = f"triage split {cluster_id} {' '.join(map(quote, stayed))}"
            why = Why(kind="experiment", detail=detail, proposal=True, confirm=confirm)
            yield factory.make(
                ProposalMade, cluster=cluster_id, kind="split", members=tuple(stayed), why=(why,)
            )


def _merges(
    factor: str, clusters: Mapping[str, _Tried], registry: ClusterRegistry, factory: EventFactory
) -> Iterator[ProposalMade]:
    whole = [
        (cluster_id, tried) for cluster_id, tried in clusters.items() if tried.moved and not tried.stayed
    ]
    if not whole or not is_specific(factor):
        return
    first = whole[0][0]
    for other, tried in whole[1:]:
        if frozenset((first, other)) not in registry.dropped:
            counts = "; ".join(_count(registry, *arm) for arm in (whole[0], (other, tried)))
            why = Why(
                kind="experiment",
                detail=f"both pass with {factor}: {counts}",
                proposal=True,
                confirm=f"triage merge {first} {other}",
            )
            yield factory.make(ProposalMade, cluster=other, kind="merge", with_cluster=first, why=(why,))


def _count(registry: ClusterRegistry, cluster_id: str, tried: _Tried) -> str:
    members = registry.clusters[cluster_id].members
    return f"{len(tried.moved)} of {len(members)} tests of {cluster_id} tried{_where(tried.evidence)}"


def _key(made: ProposalMade, registry: ClusterRegistry) -> tuple[str, ...]:
    named = (made.cluster, made.with_cluster or made.cluster)
    homes = (registry.resolve(name) for name in named)
    return (made.kind, *sorted(homes), *sorted(made.members))


def _where(evidence: Sequence[str]) -> str:
    return f" ({', '.join(evidence)})" if evidence else ""

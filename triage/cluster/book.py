"""What the journal says now: clusters, known signatures, aliases, proposals. A pure fold over events.

An id is allotted once. Where two branches allotted the same number, the opening that is older keeps it
and the younger one is a *clash*: it is set aside, with the events that mean it, until a
`cluster_renumbered` event gives it a number of its own (see `triage.cluster.reconcile`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from triage.cluster.fold import Fold, Opening
from triage.cluster.mint import EventMint
from triage.errors import UsageError
from triage.model.cluster import Cluster, ClusterStatus
from triage.model.journal import Event, ProposalMade


@dataclass(frozen=True)
class Book:
    """The state after all events; look things up, never change it."""

    clusters: Mapping[str, Cluster] = field(default_factory=dict)
    """Every id ever allotted, in order of number; merged ones have status `merged`."""
    home: Mapping[str, str] = field(default_factory=dict)
    """Signature id to the cluster whose it is (never a merged one)."""
    member_home: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(signature, nodeid) to the cluster where a split put that test; stronger than `home`."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Merged id to the id that it is part of."""
    next_number: int = 1
    """The number of the next cluster."""
    proposals: tuple[ProposalMade, ...] = ()
    """Not decided yet."""
    dropped: frozenset[frozenset[str]] = frozenset()
    """Pairs of clusters that somebody decided to keep apart."""
    lineage: Mapping[str, str] = field(default_factory=dict)
    """Cluster id to the id of the event that opened it; `EventMint` wants it."""
    rules: Mapping[str, str] = field(default_factory=dict)
    """Name of a rule to the cluster that it fills."""
    translated: frozenset[str] = frozenset()
    """Signatures of older algorithms whose successor is known too."""
    clashes: tuple[Opening, ...] = ()
    """Openings whose number another opening has."""
    doubles: Mapping[str, str] = field(default_factory=dict)
    """Cluster that has a signature of an older cluster (two branches saw one failure), to that one."""
    events: tuple[Event, ...] = ()

    @classmethod
    def of(cls, events: Iterable[Event]) -> Book:
        """Fold the events, in the order of `at` and `id`, whatever order they come in."""
        fold = Fold.over(events)
        return cls(
            clusters=MappingProxyType(fold.finished()),
            home=MappingProxyType({sig: fold.resolve(home) for sig, home in fold.home.items()}),
            member_home=MappingProxyType({key: fold.resolve(home) for key, home in fold.member_home.items()}),
            aliases=MappingProxyType({old: fold.resolve(old) for old in fold.aliases}),
            next_number=fold.highest + 1,
            proposals=tuple(fold.open_proposals()),
            dropped=fold.kept_apart(),
            lineage=MappingProxyType({number: opening.event for number, opening in fold.openings.items()}),
            rules=MappingProxyType({name: fold.resolve(home) for name, home in fold.rules.items()}),
            translated=frozenset(fold.translated),
            clashes=tuple(fold.clashes),
            doubles=MappingProxyType(fold.doubles()),
            events=fold.events,
        )

    def mint(self, at: str, by: str) -> EventMint:
        """Makes the events that come next: `at` is the time now, `by` who decides."""
        return EventMint(at, by, self.lineage, after=self.events[-1].at if self.events else None)

    @property
    def live(self) -> tuple[Cluster, ...]:
        """Clusters that are not merged into another, by number."""
        return tuple(c for c in self.clusters.values() if c.status is not ClusterStatus.MERGED)

    def resolve(self, cluster_id: str) -> str:
        """The id under which this cluster lives on; raises `UsageError` (unknown-cluster)."""
        if cluster_id in self.clusters:
            return self.aliases.get(cluster_id, cluster_id)
        known = ", ".join(cluster.id for cluster in self.live[-5:]) or "none yet"
        raise UsageError(
            "unknown-cluster",
            f"there is no cluster {cluster_id}",
            f"`triage clusters --all` lists them (latest: {known})",
        )

    def cluster(self, cluster_id: str) -> Cluster:
        """The cluster that this id or alias means; raises `UsageError` (unknown-cluster)."""
        return self.clusters[self.resolve(cluster_id)]

    def events_of(self, cluster_id: str) -> tuple[Event, ...]:
        """What happened to the cluster and to those merged into it, oldest first."""
        own = {cluster_id, *self.cluster(cluster_id).aliases, self.resolve(cluster_id)}
        return tuple(event for event in self.events if own & ids_named(event))


def ids_named(event: Event) -> set[str]:
    """The cluster ids that an event is about."""
    fields = ("cluster", "into", "new", "with_cluster")
    return {value for name in fields if (value := getattr(event, name, None)) is not None}

"""What the journal says now: clusters, known signatures, aliases, proposals. A pure replay over events.

An id is allotted once. Where two branches allotted the same number, the opening that is older keeps it
and the younger one is a *clash*: it is set aside, with the events that mean it, until a
`cluster_renumbered` event gives it a number of its own (see `triage.cluster.decisions`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from shlex import quote
from types import MappingProxyType

from triage.cluster.event_factory import EventFactory
from triage.cluster.replay import JournalReplay, Opening
from triage.errors import UsageError
from triage.model.cluster import Cluster, ClusterStatus, RunState, Why
from triage.model.journal import Event, ProposalMade
from triage.model.outcome import Outcome
from triage.model.run import RunRecord


@dataclass(frozen=True)
class ClusterRegistry:
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
    """Cluster id to the id of the event that opened it; `EventFactory` wants it."""
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
    def of(cls, events: Iterable[Event]) -> ClusterRegistry:
        """JournalReplay the events, in the order of `at` and `id`, whatever order they come in."""
        replay = JournalReplay.over(events)
        return cls(
            clusters=MappingProxyType(replay.finished()),
            home=MappingProxyType({sig: replay.resolve(home) for sig, home in replay.home.items()}),
            member_home=MappingProxyType(
                {key: replay.resolve(home) for key, home in replay.member_home.items()}
            ),
            aliases=MappingProxyType({old: replay.resolve(old) for old in replay.aliases}),
            next_number=replay.highest + 1,
            proposals=tuple(replay.open_proposals()),
            dropped=replay.kept_apart(),
            lineage=MappingProxyType({number: opening.event for number, opening in replay.openings.items()}),
            rules=MappingProxyType({name: replay.resolve(home) for name, home in replay.rules.items()}),
            translated=frozenset(replay.translated),
            clashes=tuple(replay.clashes),
            doubles=MappingProxyType(replay.doubles()),
            events=replay.events,
        )

    def event_factory(self, at: str, by: str) -> EventFactory:
        """Makes the events that come next: `at` is the time now, `by` who decides."""
        return EventFactory(at, by, self.lineage, after=self.events[-1].at if self.events else None)

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


def outcomes_of(record: RunRecord) -> dict[str, Outcome]:
    """Outcome of each planned test and of each file that failed to collect."""
    return {result.nodeid: result.outcome for result in (*record.results, *record.collect_errors)}


def present_state(status: ClusterStatus) -> RunState:
    """State of a known cluster whose reason was seen in this run."""
    return RunState.REGRESSED if status is ClusterStatus.RESOLVED else RunState.KNOWN


def absent_state(members: Iterable[str], outcomes: Mapping[str, Outcome]) -> RunState:
    """State of a known cluster whose reason was not seen in this run.

    `fixed` needs every member that was collected to have passed. One that did not run, or that failed
    for another reason and so may hide this one, leaves the question open (`not_run`); one that was
    skipped or is expected to fail leaves it open too (`skipped`).
    """
    found = [outcomes[nodeid] for nodeid in members if nodeid in outcomes]
    if not found:
        return RunState.NOT_COLLECTED
    if any(outcome.is_red or not outcome.ran for outcome in found):
        return RunState.NOT_RUN
    if not all(outcome.passes for outcome in found):
        return RunState.SKIPPED
    return RunState.FIXED


_ORDER = (
    RunState.REGRESSED, RunState.NEW, RunState.KNOWN, RunState.NOT_RUN, RunState.SKIPPED, RunState.FIXED,
    RunState.NOT_COLLECTED,
)  # fmt: skip
_SEEN = frozenset({RunState.REGRESSED, RunState.NEW, RunState.KNOWN})


def as_decided(registry: ClusterRegistry, in_run: Iterable[Cluster]) -> list[Cluster]:
    """Every cluster of the journal, by number; members, states and evidence as the run has them.

    A cluster that was merged since counts to the one that it is part of; one that the journal does not
    know (a trial run without ledgers) stays as the run has it.
    """
    parts: dict[str, list[Cluster]] = {}
    for cluster in in_run:
        home = registry.resolve(cluster.id) if cluster.id in registry.clusters else cluster.id
        parts.setdefault(home, []).append(cluster)
    known = {
        cluster_id: _one(cluster, parts.get(cluster_id, []))
        for cluster_id, cluster in registry.clusters.items()
    }
    trial = {cluster_id: found[0] for cluster_id, found in parts.items() if cluster_id not in known}
    return sorted((with_proposals(registry, c) for c in (known | trial).values()), key=lambda c: c.number)


def _one(cluster: Cluster, parts: list[Cluster]) -> Cluster:
    states = [part.state_in_run for part in parts if part.state_in_run is not None]
    state = min(states, key=_ORDER.index, default=None)
    seen = [part for part in parts if part.state_in_run in _SEEN]
    members = sorted({nodeid for part in seen for nodeid in part.members}) or cluster.members
    stamps = [part.last_seen for part in parts if part.last_seen] + [cluster.last_seen or ""]
    if cluster.status is ClusterStatus.MERGED:
        state = None
    return cluster.model_copy(
        update={"state_in_run": state, "members": tuple(members), "last_seen": max(stamps) or None}
    )


def with_proposals(registry: ClusterRegistry, cluster: Cluster) -> Cluster:
    """The cluster with what evidence suggests and nobody has decided, each with its command."""
    proposed = [
        why.model_copy(update={"proposal": True, "confirm": _command(made, registry)})
        for made in registry.proposals
        if cluster.id in _about(made, registry)
        for why in made.why or (Why(kind="message", detail="proposed"),)
    ]
    fresh = [why for why in proposed if why not in cluster.why]
    return cluster.model_copy(update={"why": (*cluster.why, *fresh)})


def _about(made: ProposalMade, registry: ClusterRegistry) -> tuple[str, ...]:
    """The clusters that a proposal is about, under the ids that they have now."""
    named = (made.with_cluster, made.cluster)
    return tuple(registry.resolve(name) for name in named if name is not None and name in registry.clusters)


def _command(made: ProposalMade, registry: ClusterRegistry) -> str:
    """What would confirm it, in the ids of today: they may have been renumbered or merged since."""
    verb = ("split", *_about(made, registry)[:1], *map(quote, made.members))
    return " ".join(("triage", *(verb if made.kind == "split" else ("merge", *_about(made, registry)))))

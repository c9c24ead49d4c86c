"""Look up what the journal says now: clusters, known signatures, aliases, proposals.

An id is allotted once. Where two branches allotted the same number, the opening that is older keeps it
and the younger one is a *clash*: it is set aside, with the events that mean it, until a
`cluster_renumbered` event gives it a number of its own. `triage.cluster.mending` makes such events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote
from types import MappingProxyType

from triage.cluster.event_factory import EventFactory
from triage.cluster.new_names import moves_of
from triage.cluster.quarantine import with_quarantine
from triage.cluster.replay import JournalReplay, Opening
from triage.cluster.stored_events import StoredEvents, decisions_among
from triage.errors import UsageError
from triage.model.base_commit import worst
from triage.model.cluster import Cluster, ClusterStatus, RunState, Why
from triage.model.journal import Event, FlakySeen, ProposalMade, RunRecorded
from triage.model.outcome import Outcome
from triage.model.quarantine import Quarantine
from triage.model.run import RunRecord
from triage.text.suggest import did_you_mean


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
    flaky_tests: tuple[FlakySeen, ...] = ()
    """The first time that each test was red and green within one run."""
    quarantines: tuple[Quarantine, ...] = ()
    """Those that nobody has lifted, ended ones too."""
    events: Sequence[Event] = ()
    """All of them, under the numbers of today. To go through them may mean to read the whole journal."""
    decisions: tuple[Event, ...] = ()
    """Those of the events that say more than what the clusters add up to: all but `GROWTH`."""
    mending: tuple[Event, ...] = ()
    """Those of the events that the next command that writes has to append."""
    go_on: Callable[[Sequence[Event]], ClusterRegistry | None] | None = field(
        default=None, compare=False, repr=False
    )
    """Gives the state after later events without those before them; None where it takes them all."""

    def followed_by(self, events: Sequence[Event]) -> ClusterRegistry:
        """The state after these events, too; what has to be mended is not carried over."""
        found = self.go_on(events) if self.go_on is not None else None
        return found if found is not None else ClusterRegistry.of((*self.events, *events))

    @property
    def fixed(self) -> frozenset[str]:
        """Clusters that the newest recorded run calls fixed, by their ids of today."""
        runs = [event for event in self.decisions if isinstance(event, RunRecorded)]
        newest = max((run.stamp for run in runs), default=None)
        found = {cluster for run in runs if run.stamp == newest for cluster in run.fixed}
        return frozenset(self.resolve(cluster) for cluster in found if cluster in self.clusters)

    @classmethod
    def of(cls, events: Iterable[Event]) -> ClusterRegistry:
        """Replay the events as they are, in the order of `at` and `id`, whatever order they come in."""
        replay = JournalReplay.over(events)
        return cls.from_replay(replay, replay.events, decisions_among(replay.events))

    @classmethod
    def from_replay(
        cls, replay: JournalReplay, events: Sequence[Event], decisions: tuple[Event, ...]
    ) -> ClusterRegistry:
        """The state that a replay has come to; `events` are all that it has read, ever."""
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
            flaky_tests=tuple(replay.flaky_tests),
            quarantines=replay.quarantines(),
            events=events,
            decisions=decisions,
        )

    def event_factory(self, at: str, by: str) -> EventFactory:
        """Makes the events that come next: `at` is the time now, `by` who decides."""
        return EventFactory(at, by, self.lineage, after=self.events[-1].at if self.events else None)

    @property
    def live(self) -> tuple[Cluster, ...]:
        """Clusters that are not merged into another, by number."""
        every = self.clusters.values()
        return tuple(cluster for cluster in every if cluster.status is not ClusterStatus.MERGED)

    def resolve(self, cluster_id: str) -> str:
        """The id under which this cluster lives on; raises `UsageError` (unknown-cluster)."""
        if cluster_id in self.clusters:
            return self.aliases.get(cluster_id, cluster_id)
        known = ", ".join(cluster.id for cluster in self.live[-5:])
        listed = f"`triage status` lists them (latest: {known})" if known else "start with `triage run`"
        raise UsageError(
            "unknown-cluster",
            f"there is no cluster {cluster_id}",
            did_you_mean(
                cluster_id,
                self.clusters,
                otherwise=listed,
                most=1,
            ),
        )

    def cluster(self, cluster_id: str) -> Cluster:
        """The cluster that this id or alias means; raises `UsageError` (unknown-cluster)."""
        return self.clusters[self.resolve(cluster_id)]

    def events_of(self, cluster_id: str) -> tuple[Event, ...]:
        """What happened to the cluster and to those merged into it, oldest first."""
        cluster = self.cluster(cluster_id)
        own = {cluster_id, *cluster.aliases, self.resolve(cluster_id)}
        moves = moves_of(cluster, self.decisions)
        candidates = self.events.naming(own) if isinstance(self.events, StoredEvents) else self.events
        return tuple(event for event in candidates if own & ids_named(event) or event.id in moves)


def ids_named(event: Event) -> set[str]:
    """The cluster ids that an event is about."""
    # pydantic takes long to say that a model has no such attribute
    fields = event.__dict__
    named = (fields.get("cluster"), fields.get("into"), fields.get("new"), fields.get("with_cluster"))
    return {cluster_id for cluster_id in named if cluster_id is not None}


def outcomes_of(record: RunRecord) -> dict[str, Outcome]:
    """Outcome of each planned test and of each file that failed to collect.

    Where only red tests of an earlier run were executed, one that needs others to fail has none if it passed.
    """
    outcomes = {result.nodeid: result.outcome for result in (*record.results, *record.collect_errors)}
    return outcomes | dict.fromkeys(record.unanswered, Outcome.NOT_RUN)


def present_state(status: ClusterStatus) -> RunState:
    """State of a known cluster whose reason was seen in this run."""
    return RunState.REGRESSED if status is ClusterStatus.RESOLVED else RunState.KNOWN


def absent_state(members: Iterable[str], outcomes: Mapping[str, Outcome]) -> RunState:
    """State of a known cluster whose reason was not seen in this run.

    `fixed` needs every member that was collected to have passed. One that did not run, or that failed
    for another reason and so may hide this one, leaves the question open (`not_run`); one that was
    skipped or is expected to fail leaves it open too (`skipped`). A file or folder that failed to collect
    is well where tests of it were collected: what became of them is a matter of their own clusters.
    """
    found = []
    for nodeid in members:
        outcome = outcomes.get(nodeid)
        if outcome is None and _collected_below(nodeid, outcomes):
            outcome = Outcome.PASSED
        if outcome is not None:
            found.append(outcome)
    if not found:
        return RunState.NOT_COLLECTED
    if any(outcome.has_failures or not outcome.ran for outcome in found):
        return RunState.NOT_RUN
    if not all(outcome.passes for outcome in found):
        return RunState.SKIPPED
    return RunState.FIXED


def is_latent(cluster: Cluster) -> bool:
    """Whether a hunt opened the cluster and nobody has closed it: that its tests pass says nothing of it."""
    return cluster.latent and cluster.status not in (ClusterStatus.RESOLVED, ClusterStatus.MERGED)


def _collected_below(collector: str, outcomes: Mapping[str, Outcome]) -> bool:
    """Whether the run has tests of a file, a class or a folder."""
    if collector in ("", "."):
        return bool(outcomes)
    below = (f"{collector}::", f"{collector}/")
    return any(nodeid.startswith(below) for nodeid in outcomes)


_MOST_TELLING_FIRST = (
    RunState.REGRESSED, RunState.NEW, RunState.KNOWN, RunState.FLAKY, RunState.NOT_RUN, RunState.SKIPPED,
    RunState.FIXED, RunState.LATENT, RunState.NOT_COLLECTED,
)  # fmt: skip
"""Which state a cluster has that several clusters of the run were merged into."""


def as_decided(registry: ClusterRegistry, in_run: Iterable[Cluster]) -> list[Cluster]:
    """Every cluster of the journal, by number; members, states and evidence as the run has them.

    A cluster that was merged since counts to the one that it is part of; one that the journal does not
    know (a trial run without ledgers) stays as the run has it.
    """
    by_home: dict[str, list[Cluster]] = {}
    for cluster in in_run:
        for home, part in _parts(registry, cluster):
            by_home.setdefault(home, []).append(part)
    found = []
    for cluster_id, cluster in registry.clusters.items():
        found.append(_in_run(cluster, by_home.pop(cluster_id, [])))
    for unknown in by_home.values():
        found.append(unknown[0])
    shown = [with_quarantine(with_proposals(registry, cluster), registry.quarantines) for cluster in found]
    return sorted(shown, key=lambda cluster: cluster.number)


def _parts(registry: ClusterRegistry, in_run: Cluster) -> Iterator[tuple[str, Cluster]]:
    """A run's cluster under its id of now, and the tests of it that were split off since under theirs."""
    home = home_of(registry, in_run)
    known = registry.clusters.get(home)
    staying = list(in_run.members)
    for pair in registry.dropped:
        if known is None or home not in pair:
            continue
        (other,) = pair - {home}
        left = [
            nodeid
            for nodeid in staying
            if nodeid not in known.members and nodeid in registry.clusters[other].members
        ]
        if left:
            staying = [nodeid for nodeid in staying if nodeid not in left]
            yield other, in_run.model_copy(update={"members": tuple(left)})
    if staying or not in_run.members:
        yield home, in_run.model_copy(update={"members": tuple(staying)})


def home_of(registry: ClusterRegistry, in_run: Cluster) -> str:
    """The id that a run's cluster has now.

    Another branch may have allotted its number too: then the number means another cluster here, and its
    signatures tell which one it is.
    """
    known = registry.clusters.get(in_run.id)
    if known is not None and set(known.signatures) & set(in_run.signatures):
        return registry.resolve(in_run.id)
    homes = [registry.home[signature] for signature in in_run.signatures if signature in registry.home]
    if homes:
        return homes[0]
    return registry.resolve(in_run.id) if known is not None else in_run.id


def _in_run(cluster: Cluster, merged: list[Cluster]) -> Cluster:
    """The cluster with the state and the members that the run has of those merged into it, and of itself."""
    states = [part.state_in_run for part in merged if part.state_in_run is not None]
    state = min(states, key=_MOST_TELLING_FIRST.index, default=None)
    if state is None and is_latent(cluster):
        state = RunState.LATENT
    if cluster.status is ClusterStatus.MERGED:
        state = None
    seen = [part for part in merged if part.is_seen]
    failing = {nodeid for part in seen for nodeid in part.members}
    stamps = [shown.last_seen for shown in (cluster, *merged) if shown.last_seen]
    return cluster.model_copy(
        update={
            "state_in_run": state,
            "may_be_lucky": state is RunState.FLAKY and not seen,
            "members": tuple(sorted(failing)) or cluster.members,
            "last_seen": max(stamps, default=None),
            "base": worst(part.base for part in seen if part.base is not None),
        }
    )


def with_proposals(registry: ClusterRegistry, cluster: Cluster) -> Cluster:
    """The cluster with what evidence suggests and nobody has decided, each with its command."""
    whys = list(cluster.why)
    for made in registry.proposals:
        if cluster.id not in _about(made, registry):
            continue
        confirm = _command(made, registry)
        for why in made.why or (Why(kind="message", detail="proposed"),):
            proposed = why.model_copy(update={"proposal": True, "confirm": confirm})
            if proposed not in cluster.why:
                whys.append(proposed)
    return cluster.model_copy(update={"why": tuple(whys)})


def _about(made: ProposalMade, registry: ClusterRegistry) -> tuple[str, ...]:
    """The clusters that a proposal is about, under the ids that they have now."""
    named = (made.with_cluster, made.cluster)
    return tuple(registry.resolve(name) for name in named if name is not None and name in registry.clusters)


def _command(made: ProposalMade, registry: ClusterRegistry) -> str:
    """What would confirm it, in the ids of today: they may have been renumbered or merged since."""
    about = _about(made, registry)
    if made.kind == "split":
        return " ".join(("triage", "split", *about[:1], *map(quote, made.members)))
    return " ".join(("triage", "merge", *about))

"""Assign a run's failures to clusters: known ones keep their id, new ones get the next, decisions hold.

The result depends on the set of failures, not on their order or on the chunks that they came from.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from triage.cluster.component import Component, Partition
from triage.cluster.context import Context
from triage.cluster.continuation import continuations
from triage.cluster.event_factory import EventFactory
from triage.cluster.groups import (
    Signer,
    Slot,
    SlottedFailure,
    Unit,
    failures_of,
    group_by_signature,
    units_of,
)
from triage.cluster.moves import SameUnderOldName, record_moves
from triage.cluster.quarantine import with_quarantine
from triage.cluster.registry import (
    ClusterRegistry,
    absent_state,
    is_latent,
    outcomes_of,
    present_state,
)
from triage.cluster.rules import Rules
from triage.model.cluster import Cluster, ClusterStatus, RunState, Why
from triage.model.journal import (
    ClusterOpened,
    ClusterSplit,
    Event,
    MembersAdded,
    ProposalMade,
    RuleBound,
    SignatureAdded,
    StatusChanged,
)
from triage.model.run import RunRecord


@dataclass(frozen=True)
class Assignment:
    """Where every failure of one run belongs."""

    clusters: tuple[Cluster, ...]
    """Every live cluster, by number, with its state in this run; members of those seen are this run's."""
    events: tuple[Event, ...]
    """What the journal must gain before anybody hears of these ids."""
    cluster_of: Mapping[Slot, str]
    """(node id, which of its failures) to cluster id."""
    signatures_of: Mapping[Slot, tuple[str, ...]]
    """(node id, which of its failures) to signature ids, the current algorithm's first."""
    fields_of: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Signature id to what was hashed into it, by name."""

    def clusters_of(self, nodeid: str) -> tuple[str, ...]:
        """Ids of the clusters that a test's failures belong to, each once."""
        return tuple(dict.fromkeys(c for (owner, _), c in self.cluster_of.items() if owner == nodeid))


def assign(
    record: RunRecord,
    registry: ClusterRegistry,
    *,
    signer: Signer,
    factory: EventFactory,
    rules: Rules | None = None,
    context: Context | None = None,
) -> Assignment:
    """Cluster a recorded run; appends nothing itself.

    `signer` gives a failure's signatures, `factory` makes the events, `rules` are people's (`parse_rules`),
    `context` is what else may be known: checkout, history, experiments.
    """
    context = context or Context()
    results = {result.nodeid: result for result in record.results}
    context = replace(
        context,
        outcomes=outcomes_of(record),
        earlier_stamps=_earlier_stamps(record),
        chance=replace(context.chance, results=results),
    )
    return assign_failures(
        failures_of(record),
        registry,
        signer=signer,
        factory=factory,
        stamp=record.stamp,
        rules=rules,
        context=context,
    )


def _earlier_stamps(record: RunRecord) -> tuple[str, ...]:
    """The runs whose red tests alone this one executed: what was new in them is no older now."""
    failed = record.plan.failed if record.plan is not None else None
    return failed.stamps if failed is not None else ()


def assign_failures(
    failures: Iterable[SlottedFailure],
    registry: ClusterRegistry,
    *,
    signer: Signer,
    factory: EventFactory,
    stamp: str,
    rules: Rules | None = None,
    context: Context | None = None,
    latent: bool = False,
) -> Assignment:
    """Cluster a stream of failures; each is looked at once and not kept.

    `latent`: of tests that are green as they stand; new clusters of them are marked so.
    """
    context = context or Context()
    known_events = registry.events
    groups = [*group_by_signature(failures, signer).values()]
    if registry.events:
        factory.follow(registry.events[-1].at)
    moves = record_moves(groups, registry, signer=signer, factory=factory, stamp=stamp, context=context)
    registry = moves.registry
    units = units_of(groups, registry, rules, moves.earlier)
    partition = _partition_of(units, registry, context)
    recorder = _Recorder(registry, factory, stamp, context, moves.same, latent=latent)
    placed = [*zip(partition.components, _ids(partition.components, registry), strict=True)]
    events = [*moves.events, *recorder.events(partition, placed)]
    after = ClusterRegistry.of((*known_events, *events))
    members = {cluster_id: component.members for component, cluster_id in placed}
    cluster_of: dict[Slot, str] = {}
    signatures: dict[Slot, tuple[str, ...]] = {}
    for component, cluster_id in placed:
        for unit in component.units:
            cluster_of.update(dict.fromkeys(unit.slots, cluster_id))
            signatures.update(dict.fromkeys(unit.slots, _signature_ids(unit)))
    return Assignment(
        clusters=tuple(recorder.in_run(cluster, members.get(cluster.id)) for cluster in after.live),
        events=tuple(events),
        cluster_of=cluster_of,
        signatures_of=signatures,
        fields_of={group.signature.id: group.signature.fields for group in groups},
    )


def _partition_of(units: Sequence[Unit], registry: ClusterRegistry, context: Context) -> Partition:
    """As `partition_of`, whose join rules are imported for the first failure: most runs have none."""
    if not units:
        return Partition()
    from triage.cluster.partition import partition_of

    return partition_of(units, registry, context)


_Placed = Sequence[tuple[Component, str]]
"""Components with their cluster ids."""


def _ids(components: Iterable[Component], registry: ClusterRegistry) -> list[str]:
    """The known id of each component, or the next free one."""
    number = registry.next_number
    ids = []
    for component in components:
        if component.home is not None:
            ids.append(component.home)
        else:
            ids.append(f"C{number}")
            number += 1
    return ids


def _signature_ids(unit: Unit) -> tuple[str, ...]:
    current = unit.group.signature.id
    return (current, *sorted(unit.group.ids - {current}))


class _Recorder:
    """Says what the journal must gain by one run, and how its clusters stand in that run."""

    def __init__(
        self,
        registry: ClusterRegistry,
        factory: EventFactory,
        stamp: str,
        context: Context,
        same: Sequence[SameUnderOldName] = (),
        *,
        latent: bool = False,
    ) -> None:
        self.latent = latent
        self.registry = registry
        self.factory = factory
        self.stamp = stamp
        self.context = context
        self.same = same
        stamps = {stamp, *context.earlier_stamps}
        self.made_before = {
            (type(event), event.cluster)
            for event in registry.events
            if isinstance(event, ClusterOpened | StatusChanged) and _is_of_run(event, stamps)
        }
        """What an earlier process of this run, or the run whose red tests it executes, has opened."""
        for event in registry.events:
            # a part of what this run opened is as new as the whole
            if isinstance(event, ClusterSplit) and (ClusterOpened, event.cluster) in self.made_before:
                self.made_before.add((ClusterOpened, event.new))

    def events(self, partition: Partition, placed: _Placed) -> list[Event]:
        """What is new of each component, then what evidence proposes."""
        events: list[Event] = []
        for component, cluster_id in placed:
            if component.home is None:
                events.extend(self._opened(component, cluster_id))
            else:
                events.extend(self._seen_again(component, self.registry.clusters[cluster_id]))
        events.extend(self._proposed(partition, [cluster_id for _, cluster_id in placed]))
        return events

    def _opened(self, component: Component, cluster_id: str) -> Iterator[Event]:
        yield self.factory.make(
            ClusterOpened,
            cluster=cluster_id,
            title=component.title(self.context.title_of),
            stamp=self.stamp,
            signatures=component.signature_ids,
            members=component.members,
            why=component.why,
            latent=self.latent,
        )
        if component.rule is not None and component.rule.cluster is None:
            yield self.factory.make(RuleBound, rule=component.rule.name, cluster=cluster_id)

    def _seen_again(self, component: Component, known: Cluster) -> Iterator[Event]:
        for unit in component.units:
            why = tuple(unit.why)
            if unit.vouched_by is not None:
                why = (*why, Why(kind="signature", detail=unit.vouched_by))
            home = known.id
            if unit.moved_from is not None:
                home = self.registry.home[unit.moved_from]
                why = (*why, Why(kind="move", detail=f"known as {unit.moved_from} under its earlier name"))
            for signature in unit.news:
                yield self.factory.make(
                    SignatureAdded,
                    cluster=home,
                    signature=signature,
                    stamp=self.stamp,
                    moved_from=unit.moved_from,
                    why=why,
                )
        newcomers = tuple(sorted(set(component.members) - set(known.members)))
        if newcomers:
            yield self.factory.make(MembersAdded, cluster=known.id, members=newcomers, stamp=self.stamp)
        if known.status is ClusterStatus.RESOLVED:
            yield self.factory.make(
                StatusChanged,
                cluster=known.id,
                status=ClusterStatus.OPEN,
                reason=f"seen again in {self.stamp} after it was resolved",
                stamp=self.stamp,
            )

    def _proposed(self, partition: Partition, ids: Sequence[str]) -> Iterator[Event]:
        """Proposals that nobody has answered and the journal does not have yet; the older cluster first."""
        suggested = [(ids[made.one], ids[made.other], made.why) for made in partition.proposals]
        for found in continuations(partition.components, self.registry):
            suggested.append((found.cluster, ids[found.component], found.why))
        suggested += [(found.cluster, found.other, found.why) for found in self.same]
        known = self._known_pairs()
        for one, other, why in suggested:
            older, younger = sorted((one, other), key=lambda cluster_id: int(cluster_id[1:]))
            pair = frozenset((older, younger))
            if older == younger or pair in known:
                continue
            known.add(pair)
            confirm = f"triage merge {older} {younger}"
            made = why.model_copy(update={"proposal": True, "confirm": confirm})
            yield self.factory.make(
                ProposalMade, cluster=younger, kind="merge", with_cluster=older, why=(made,)
            )

    def _known_pairs(self) -> set[frozenset[str]]:
        """Pairs of clusters that were proposed for a merge, or that somebody keeps apart."""
        pairs = set(self.registry.dropped)
        for made in self.registry.proposals:
            if made.with_cluster is not None:
                one, other = self.registry.resolve(made.cluster), self.registry.resolve(made.with_cluster)
                pairs.add(frozenset((one, other)))
        return pairs

    def in_run(self, cluster: Cluster, members: tuple[str, ...] | None) -> Cluster:
        """The cluster as this run has it; `members` failed in it, None where it was not seen."""
        shown = filter(None, (cluster.last_seen, self.context.last_seen.get(cluster.id)))
        last = max(shown, default=None)
        if members is None:
            state = absent_state(cluster.members, self.context.outcomes)
            if state is RunState.FIXED and is_latent(cluster):
                state = RunState.LATENT
            lucky = state is RunState.FIXED and self.context.chance.leaves_open(cluster)
            changes = {
                "state_in_run": RunState.FLAKY if lucky else state,
                "may_be_lucky": lucky,
                "last_seen": last,
            }
            return with_quarantine(cluster.model_copy(update=changes), self.registry.quarantines)
        seen = cluster.model_copy(
            update={
                "state_in_run": self._present_state(cluster, members),
                "members": members,
                "first_seen": min(cluster.first_seen or self.stamp, self.stamp),
                "last_seen": max(last or self.stamp, self.stamp),
            }
        )
        return with_quarantine(seen, self.registry.quarantines)

    def _present_state(self, cluster: Cluster, members: Sequence[str]) -> RunState:
        """The state of a cluster that the run shows; `members` failed.

        A run that was cut short behind its events is concluded again: what it opened then is still new.
        """
        if self.context.chance.explains(cluster, members):
            return RunState.FLAKY
        known = self.registry.clusters.get(cluster.id)
        if known is None:
            return RunState.NEW
        is_open = known.status is not ClusterStatus.RESOLVED
        if is_open and (ClusterOpened, cluster.id) in self.made_before:
            return RunState.NEW
        if is_open and (StatusChanged, cluster.id) in self.made_before:
            return RunState.REGRESSED
        if self.context.chance.turned_steady(cluster, members):
            return RunState.REGRESSED
        return present_state(known.status)


def _is_of_run(event: ClusterOpened | StatusChanged, stamps: Container[str | None]) -> bool:
    """Whether a run of these STAMPs opened the cluster, or opened it again."""
    if isinstance(event, StatusChanged) and event.status is not ClusterStatus.OPEN:
        return False
    return event.stamp in stamps


class Move(NamedTuple):
    """One failure that a rule would put elsewhere."""

    nodeid: str
    origin: str
    """The cluster that it has without the rules."""
    target: str
    """The cluster that it would have."""
    rules: tuple[str, ...]
    """The rules that match it, the one that decides first; of several the others go without."""


def preview(
    record: RunRecord,
    registry: ClusterRegistry,
    rules: Rules,
    *,
    signer: Signer,
    factory: EventFactory,
    context: Context | None = None,
) -> list[Move]:
    """The failures of a run that the rules would move, by node id; nothing is recorded."""
    failures = {slotted.slot: slotted.failure for slotted in failures_of(record)}
    without = assign(record, registry, signer=signer, factory=factory, context=context).cluster_of
    under = assign(record, registry, signer=signer, factory=factory, rules=rules, context=context).cluster_of
    moves = []
    for slot, target in sorted(under.items()):
        if without[slot] == target:
            continue
        fields = {**signer(failures[slot])[0].fields, "test": slot[0]}
        matching = tuple(rule.name for rule in rules.all(fields))
        if matching:
            moves.append(Move(slot[0], without[slot], target, matching))
    return moves

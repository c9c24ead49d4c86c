"""A run's failures to clusters: known ones keep their id, new ones get the next, decisions hold.

The result depends on the set of failures, not on their order or on the chunks that they came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from triage.cluster.context import Context
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
from triage.cluster.partition import COMPARED, Component, Partition, described, partition_of
from triage.cluster.registry import ClusterRegistry, absent_state, outcomes_of, present_state
from triage.cluster.rules import Rules
from triage.model.cluster import Cluster, ClusterStatus, RunState, Why
from triage.model.journal import (
    ClusterOpened,
    Event,
    MembersAdded,
    ProposalMade,
    RuleBound,
    SignatureAdded,
    StatusChanged,
)
from triage.model.run import RunRecord

_TELLING = re.compile(
    r"\b(?:b?float\d+|complex\d+|u?int\d+|float|double|half|nan|inf|None|cpu|cuda)\b", re.IGNORECASE
)


def changed_words(
    components: Sequence[Component], registry: ClusterRegistry
) -> Iterator[tuple[int, str, Why]]:
    """Index of a new component, the known cluster that it may continue, and why."""
    seen = {component.home for component in components}
    gone = [cluster for cluster in registry.live if cluster.id not in seen]
    for index, component in enumerate(components):
        if component.home is None:
            for cluster in gone:
                common = set(component.members) & set(cluster.members)
                if common and _continues(component, cluster):
                    detail = f"{sorted(common)[0]} failed at the same place with other words"
                    yield index, cluster.id, Why(kind="frame", detail=detail, proposal=True)


def _continues(component: Component, cluster: Cluster) -> bool:
    own, known = _said(described(component.leader)), _said(cluster.why)
    if COMPARED in own and COMPARED in known and own[COMPARED] != known[COMPARED]:
        return False
    place = "frame" if "frame" in own else "file"
    if own.get("exception") != known.get("exception") or own.get(place) != known.get(place):
        return False
    one, other = (_TELLING.findall(said.get("message", "")) for said in (own, known))
    return one == other


def _said(why: Sequence[Why]) -> dict[str, str]:
    """Kind to its first detail; what a comparison was like under a name of its own."""
    found: dict[str, str] = {}
    for reason in why:
        name = COMPARED if reason.detail.startswith(COMPARED) else reason.kind
        found.setdefault(name, reason.detail)
    return found


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

    `signer` gives a failure's signatures, `rules` are people's (`parse_rules`), `context` is what else may be
    known: checkout, history, experiments.
    """
    known = replace(context or Context(), outcomes=outcomes_of(record))
    return assign_failures(
        failures_of(record),
        registry,
        signer=signer,
        factory=factory,
        stamp=record.stamp,
        rules=rules,
        context=known,
    )


def assign_failures(
    failures: Iterable[SlottedFailure],
    registry: ClusterRegistry,
    *,
    signer: Signer,
    factory: EventFactory,
    stamp: str,
    rules: Rules | None = None,
    context: Context | None = None,
) -> Assignment:
    """Cluster a stream of failures; each is looked at once and not kept."""
    if registry.events:
        factory.follow(registry.events[-1].at)
    context = context or Context()
    units = units_of(group_by_signature(failures, signer).values(), registry, rules)
    partition = partition_of(units, registry, context)
    ids = _ids(partition.components, registry)
    events: list[Event] = []
    for component, cluster_id in zip(partition.components, ids, strict=True):
        events.extend(
            _recorded(component, cluster_id, registry, factory=factory, stamp=stamp, context=context)
        )
    events.extend(_proposed(partition, ids, registry, factory))
    after = ClusterRegistry.of((*registry.events, *events))
    members = {
        cluster_id: component.members for component, cluster_id in zip(partition.components, ids, strict=True)
    }
    cluster_of: dict[Slot, str] = {}
    signatures: dict[Slot, tuple[str, ...]] = {}
    for component, cluster_id in zip(partition.components, ids, strict=True):
        for unit in component.units:
            cluster_of.update(dict.fromkeys(unit.slots, cluster_id))
            signatures.update(dict.fromkeys(unit.slots, _signature_ids(unit)))
    return Assignment(
        clusters=tuple(
            _in_run(cluster, members.get(cluster.id), registry, stamp=stamp, context=context)
            for cluster in after.live
        ),
        events=tuple(events),
        cluster_of=cluster_of,
        signatures_of=signatures,
    )


def _ids(components: Iterable[Component], registry: ClusterRegistry) -> list[str]:
    """The known id of each component, or the next free one."""
    number = registry.next_number
    ids = []
    for component in components:
        ids.append(component.home or f"C{number}")
        number += component.home is None
    return ids


def _signature_ids(unit: Unit) -> tuple[str, ...]:
    current = unit.group.signature.id
    return (current, *sorted(unit.group.ids - {current}))


def _recorded(
    component: Component,
    cluster_id: str,
    registry: ClusterRegistry,
    *,
    factory: EventFactory,
    stamp: str,
    context: Context,
) -> list[Event]:
    if component.home is None:
        title = component.title(context.title_of)
        opened: list[Event] = [_opened(component, cluster_id, factory, stamp=stamp, title=title)]
        if component.rule is not None and component.rule.cluster is None:
            opened.append(factory.make(RuleBound, rule=component.rule.name, cluster=cluster_id))
        return opened
    return _seen_again(component, registry.clusters[cluster_id], stamp, factory)


def _proposed(
    partition: Partition, ids: list[str], registry: ClusterRegistry, factory: EventFactory
) -> Iterator[Event]:
    """Proposals that nobody has answered and the journal does not have yet; the older cluster comes first."""
    told = {
        frozenset((registry.resolve(made.cluster), registry.resolve(made.with_cluster)))
        for made in registry.proposals
        if made.with_cluster is not None
    } | registry.dropped
    suggested = [(ids[one], ids[other], why) for one, other, why in partition.proposals]
    suggested += [
        (known, ids[index], why) for index, known, why in changed_words(partition.components, registry)
    ]
    for one, other, why in suggested:
        older, younger = sorted((one, other), key=lambda cluster_id: int(cluster_id[1:]))
        if older == younger or frozenset((older, younger)) in told:
            continue
        told |= {frozenset((older, younger))}
        made = why.model_copy(update={"proposal": True, "confirm": f"triage merge {older} {younger}"})
        yield factory.make(ProposalMade, cluster=younger, kind="merge", with_cluster=older, why=(made,))


def _opened(
    component: Component, cluster_id: str, factory: EventFactory, *, stamp: str, title: str
) -> ClusterOpened:
    return factory.make(
        ClusterOpened,
        cluster=cluster_id,
        title=title,
        stamp=stamp,
        signatures=component.signature_ids,
        members=component.members,
        why=component.why,
    )


def _seen_again(component: Component, known: Cluster, stamp: str, factory: EventFactory) -> list[Event]:
    events: list[Event] = []
    for unit in component.units:
        for signature in unit.news:
            why = [*unit.why]
            if unit.vouched_by is not None:
                why.append(Why(kind="signature", detail=unit.vouched_by))
            events.append(
                factory.make(
                    SignatureAdded, cluster=known.id, signature=signature, stamp=stamp, why=tuple(why)
                )
            )
    newcomers = tuple(sorted(set(component.members) - set(known.members)))
    if newcomers:
        events.append(factory.make(MembersAdded, cluster=known.id, members=newcomers, stamp=stamp))
    if known.status is ClusterStatus.RESOLVED:
        events.append(
            factory.make(
                StatusChanged,
                cluster=known.id,
                status=ClusterStatus.OPEN,
                reason=f"seen again in {stamp} after it was resolved",
                stamp=stamp,
            )
        )
    return events


def _in_run(
    cluster: Cluster,
    members: tuple[str, ...] | None,
    before: ClusterRegistry,
    *,
    stamp: str,
    context: Context,
) -> Cluster:
    last = max(filter(None, (cluster.last_seen, context.last_seen.get(cluster.id))), default=None)
    if members is None:
        state = absent_state(cluster.members, context.outcomes)
        return cluster.model_copy(update={"state_in_run": state, "last_seen": last})
    known = before.clusters.get(cluster.id)
    state = RunState.NEW if known is None else present_state(known.status)
    return cluster.model_copy(
        update={
            "state_in_run": state,
            "members": members,
            "first_seen": min(cluster.first_seen or stamp, stamp),
            "last_seen": max(last or stamp, stamp),
        }
    )


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
    failures = {seen.slot: seen.failure for seen in failures_of(record)}

    def matching(slot: Slot) -> tuple[str, ...]:
        fields = {**signer(failures[slot])[0].fields, "test": slot[0]}
        return tuple(rule.name for rule in rules.all(fields))

    without = assign(record, registry, signer=signer, factory=factory, context=context).cluster_of
    under = assign(record, registry, signer=signer, factory=factory, rules=rules, context=context).cluster_of
    return [
        Move(slot[0], without[slot], target, matching(slot))
        for slot, target in sorted(under.items())
        if without[slot] != target and matching(slot)
    ]

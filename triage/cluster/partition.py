"""Divide the units of a run into components with one cause, by decisions and by the join rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from triage.cluster.component import Component, Partition, Proposal
from triage.cluster.context import Context
from triage.cluster.groups import Unit
from triage.cluster.join_rules.experiments import told_apart
from triage.cluster.join_rules.product import sure_culprits
from triage.cluster.join_rules.table import JOIN_RULES
from triage.cluster.registry import ClusterRegistry
from triage.cluster.union import Join, Union, star
from triage.model.cluster import Why


def partition_of(units: Sequence[Unit], registry: ClusterRegistry, context: Context) -> Partition:
    """Every unit in exactly one component; one component for each known cluster; in a stable order."""
    union = Union(
        units,
        apart=registry.dropped,
        cannot=told_apart(units, context.flips),
        culprits=sure_culprits(units, context),
    )
    union.carry_out(_decided_joins(units), by_decision=True)
    union.carry_out(join for rule in JOIN_RULES for join in rule.find(units, context))
    component_of: dict[int, int] = {}
    for number, indexes in enumerate(union.sets()):
        component_of.update(dict.fromkeys(indexes, number))
    joins: dict[int, list[Join]] = defaultdict(list)
    for join in union.carried:
        joins[component_of[join.one]].append(join)
    components = []
    for number, indexes in enumerate(union.sets()):
        components.append(_component(units, indexes, joins[number], union.home(indexes[0])))
    proposals: dict[tuple[int, int], Why] = {}
    for join in union.proposals:
        one, other = sorted((component_of[join.one], component_of[join.other]))
        if one != other:
            proposals.setdefault((one, other), join.why)
    return Partition(components, [Proposal(one, other, why) for (one, other), why in proposals.items()])


def _component(units: Sequence[Unit], indexes: list[int], joins: list[Join], home: str | None) -> Component:
    """One set of units; those that come new to a known cluster are told why."""
    if home is not None:
        for join in joins:
            for index in (join.one, join.other):
                if units[index].home is None:
                    units[index].why.append(join.why)
    whys = tuple(dict.fromkeys(join.why for join in joins if join.why.kind != "signature"))
    return Component(tuple(units[index] for index in indexes), home, whys)


def _decided_joins(units: Sequence[Unit]) -> Iterator[Join]:
    """Units of one known cluster are together because they were; units of one rule because it says so."""
    by_home: dict[str, list[int]] = defaultdict(list)
    by_rule: dict[str, list[int]] = defaultdict(list)
    for index, unit in enumerate(units):
        if unit.home is not None:
            by_home[unit.home].append(index)
        elif unit.rule is not None:
            by_rule[unit.rule.name].append(index)
    for home, sharing in by_home.items():
        yield from star(sharing, Why(kind="signature", detail=home))
    for name, sharing in by_rule.items():
        yield from star(sharing, Why(kind="rule", detail=f"rule {name!r}"))

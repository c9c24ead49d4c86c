"""Divide the units of a run into components with one cause, by decisions and by the join rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from triage.cluster.context import Context
from triage.cluster.groups import Unit
from triage.cluster.join_rules.experiments import told_apart
from triage.cluster.join_rules.product import sure_culprits
from triage.cluster.join_rules.table import JOIN_RULES
from triage.cluster.registry import ClusterRegistry
from triage.cluster.replay import algorithm_rank
from triage.cluster.rules import Rule
from triage.cluster.union import Join, Union, star
from triage.model.cluster import Why, WhyKind
from triage.model.failure import Failure
from triage.model.signature import algorithm_of

_NUMBERS = ("kind", "left", "op", "right", "fraction", "shapes", "gradients", "dtypes", "decade")
"""Fields of a signature that say what the numbers of a comparison were like."""


@dataclass(frozen=True)
class Component:
    """Units with one cause, and their known cluster where there is one."""

    units: tuple[Unit, ...]
    home: str | None
    joins: tuple[Why, ...] = ()

    @cached_property
    def members(self) -> tuple[str, ...]:
        """Node ids, each once, sorted."""
        if len(self.units) == 1:
            return self.units[0].members
        return tuple(sorted({nodeid for unit in self.units for nodeid in unit.members}))

    @property
    def signature_ids(self) -> tuple[str, ...]:
        """Signature ids of every algorithm, the current one's first; those that a rule moved have a home."""
        ids = {signature for unit in self.units if not unit.decided for signature in unit.group.ids}
        current = self.leader.group.signature.algorithm
        older_last = sorted(sorted(ids), key=algorithm_rank, reverse=True)
        return tuple(sorted(older_last, key=lambda signature: algorithm_of(signature) != current))

    @property
    def leader(self) -> Unit:
        """The unit with most failures; of equal ones the first."""
        return min(self.units, key=lambda unit: (-len(unit.slots), unit.key))

    @property
    def rule(self) -> Rule | None:
        """The rule that made this component, where one did."""
        return next((unit.rule for unit in self.units if unit.rule is not None), None)

    def title(self, title_of: Callable[[Failure], str] | None = None) -> str:
        """A line for people: by the first failure of the leader where `title_of` is given."""
        if self.rule is not None:
            return self.rule.title or self.rule.name
        group = self.leader.group
        title = title_of(group.example) if title_of is not None else group.signature.title
        return title or "unexplained failure"

    @property
    def why(self) -> tuple[Why, ...]:
        """What brought its failures together: a rule, joins of several signatures, else what the one says."""
        by_rule = tuple(
            dict.fromkeys(why for unit in self.units for why in unit.why if unit.rule is not None)
        )
        return (*by_rule, *self.joins) or described(self.leader)


class Proposal(NamedTuple):
    """Two components (indexes) that may be one, and why."""

    one: int
    other: int
    why: Why


@dataclass(frozen=True)
class Partition:
    """All units of a run in components, and what was only proposed."""

    components: list[Component] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)


def described(unit: Unit) -> tuple[Why, ...]:
    """What all failures of a unit have in common: the fields of their signature."""
    fields = unit.group.signature.fields
    kinds: tuple[WhyKind, ...] = ("exception", "chain", "message", "frame", "file")
    found = [Why(kind=kind, detail=fields[kind]) for kind in kinds if fields.get(kind)]
    if fields.get("code"):
        found.append(Why(kind="line", detail=fields["code"]))
    numbers = [f"{name} {fields[name]}" for name in _NUMBERS if fields.get(name)]
    if numbers:
        found.append(Why(kind="comparison", detail="; ".join(numbers)))
    return tuple(found)


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

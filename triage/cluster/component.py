"""Components: the units of one cause in a run, with their known cluster; what a partition of a run holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from triage.cluster.comparison_words import comparison_in_words
from triage.cluster.groups import Unit
from triage.cluster.replay import algorithm_rank
from triage.cluster.rules import Rule
from triage.model.cluster import Why, WhyKind
from triage.model.failure import Failure
from triage.model.signature import algorithm_of


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
        ids: set[str] = set()
        for unit in self.units:
            if not unit.decided:
                ids.update(unit.group.ids)
        current = self.leader.group.signature.algorithm
        # each sort keeps the order of the one before where it finds no difference
        by_name = sorted(ids)
        older_last = sorted(by_name, key=algorithm_rank, reverse=True)
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
        by_rule: dict[Why, None] = {}
        for unit in self.units:
            if unit.rule is not None:
                by_rule.update(dict.fromkeys(unit.why))
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
    comparison = comparison_in_words(fields)
    if comparison:
        found.append(Why(kind="comparison", detail=comparison))
    return tuple(found)

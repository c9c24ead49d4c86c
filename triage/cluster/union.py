"""One piece of evidence that two units have one cause, and the union of units by such evidence.

Joins are carried out strongest first. A join that would put two known clusters together is only a
proposal: ids are merged by people and experiments. The result depends on the set of joins, not on
their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from triage.cluster.groups import Unit
from triage.model.cluster import Why, WhyKind

if TYPE_CHECKING:
    from _typeshed import SupportsRichComparison

_OUTWEIGHED_BY_CULPRITS: frozenset[WhyKind] = frozenset(("frame", "process-state", "parameter", "file"))
"""Evidence that gives way where the traced run shows different lines to blame: one place, one file, one state
of a process have many causes. What was said, found by experiment or decided does not."""

Key = TypeVar("Key", bound="SupportsRichComparison")
"""What units have in common: a text, or a named tuple of several."""

STRENGTH: tuple[WhyKind, ...] = (
    "experiment", "rule", "signature", "message", "chain", "frame", "process-state", "parameter",
    "co-failure", "file",
)  # fmt: skip
"""Strongest first: an experiment proves, a shared file hints."""


@dataclass(frozen=True)
class Join:
    """Units `one` and `other` (indexes) and why; a proposal joins nothing."""

    one: int
    other: int
    why: Why

    @property
    def order(self) -> tuple[int, str, int, int]:
        """Strongest first, then alike on every machine."""
        return STRENGTH.index(self.why.kind), self.why.detail, self.one, self.other


def star(units: Sequence[int], why: Why) -> Iterator[Join]:
    """Every unit to the first."""
    for other in units[1:]:
        yield Join(units[0], other, why)


def by_key(
    units: Sequence[Unit],
    keys: Callable[[Unit], Iterable[Key]],
    kind: WhyKind,
    detail: Callable[[Key], str] = str,
    *,
    proposal: bool = False,
) -> Iterator[Join]:
    """Units that share a key, joined by it; linear in the number of units."""
    found: dict[Key, list[int]] = {}
    for index, unit in enumerate(units):
        for key in dict.fromkeys(keys(unit)):
            found.setdefault(key, []).append(index)
    for key, sharing in sorted(found.items(), key=lambda item: item[0]):
        if len(sharing) > 1:
            yield from star(sharing, Why(kind=kind, detail=detail(key), proposal=proposal))


@dataclass
class Union:
    """Disjoint sets of units, each with at most one known cluster."""

    units: Sequence[Unit]
    apart: frozenset[frozenset[str]] = frozenset()
    """Pairs of known clusters that somebody decided to keep apart."""
    cannot: frozenset[frozenset[int]] = frozenset()
    """Pairs of units that an experiment told apart."""
    culprits: Mapping[int, str] = field(default_factory=dict)
    """By unit: the line of the product that is surely to blame, where the traced run shows one."""
    proposals: list[Join] = field(default_factory=list)
    """Joins that were not carried out."""
    carried: list[Join] = field(default_factory=list)
    _parent: list[int] = field(default_factory=list)
    _members: dict[int, set[int]] = field(default_factory=dict)
    _home: dict[int, str] = field(default_factory=dict)
    _blamed: dict[int, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._parent = list(range(len(self.units)))
        self._members = {index: {index} for index in self._parent}
        self._blamed = {index: {culprit} for index, culprit in self.culprits.items()}
        self._home = {index: unit.home for index, unit in enumerate(self.units) if unit.home is not None}

    def carry_out(self, joins: Iterable[Join], *, by_decision: bool = False) -> None:
        """Apply the joins that may be applied, strongest first; keep the others as proposals.

        `by_decision`: they follow from what people or rules decided, which evidence may not touch.
        """
        for join in sorted(joins, key=lambda join: join.order):
            one, other = self.find(join.one), self.find(join.other)
            if one == other:
                continue
            if not by_decision and (self._decided(join) or self._told_apart(one, other)):
                continue
            if not by_decision and self._blame_differs(join, one, other):
                continue
            if join.why.proposal or self._both_known(one, other):
                self.proposals.append(join)
            else:
                self._unite(one, other)
                self.carried.append(join)

    def find(self, index: int) -> int:
        """The representative of a unit's set."""
        while self._parent[index] != index:
            self._parent[index] = self._parent[self._parent[index]]
            index = self._parent[index]
        return index

    def sets(self) -> list[list[int]]:
        """The sets, each sorted, in the order of their first unit."""
        return sorted(sorted(members) for members in self._members.values())

    def home(self, index: int) -> str | None:
        """The known cluster of a unit's set."""
        return self._home.get(self.find(index))

    def _unite(self, one: int, other: int) -> None:
        first, second = min(one, other), max(one, other)
        self._parent[second] = first
        self._members[first] |= self._members.pop(second)
        self._blamed.setdefault(first, set()).update(self._blamed.pop(second, ()))
        if second in self._home:
            self._home[first] = self._home.pop(second)

    def _both_known(self, one: int, other: int) -> bool:
        mine, theirs = self._home.get(one), self._home.get(other)
        if mine == theirs:
            return False
        return mine is not None and theirs is not None

    def _decided(self, join: Join) -> bool:
        return self.units[join.one].decided or self.units[join.other].decided

    def _blame_differs(self, join: Join, one: int, other: int) -> bool:
        mine, theirs = self._blamed.get(one), self._blamed.get(other)
        if not mine or not theirs or join.why.kind not in _OUTWEIGHED_BY_CULPRITS:
            return False
        return mine.isdisjoint(theirs)

    def _told_apart(self, one: int, other: int) -> bool:
        homes = frozenset(home for home in (self._home.get(one), self._home.get(other)) if home)
        if homes in self.apart:
            return True
        if not self.cannot:
            return False
        mine, theirs = self._members[one], self._members[other]
        return any(len(pair & mine) == 1 and len(pair & theirs) == 1 for pair in self.cannot)

"""Identity: which known cluster a group of failures belongs to, before any evidence joins anything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from triage.cluster.book import Book
from triage.cluster.gather import Group, Slot
from triage.cluster.rules import Rule, Rules
from triage.model.cluster import Why


@dataclass
class Unit:
    """Failures that are placed as one: a group, or those of its failures that a person split off."""

    group: Group
    slots: list[Slot]
    home: str | None
    """The known cluster, where there is one."""
    decided: bool = False
    """A person or a rule put these failures there; no evidence moves them."""
    rule: Rule | None = None
    """The rule that did."""
    news: tuple[str, ...] = ()
    """Signature ids that the known cluster does not have yet."""
    vouched_by: str | None = None
    """Signature of an older algorithm through which the home was found."""
    why: list[Why] = field(default_factory=list)

    @cached_property
    def key(self) -> tuple[Slot, str]:
        """Orders units alike on every machine."""
        return min(self.slots), self.group.signature.id

    @cached_property
    def members(self) -> tuple[str, ...]:
        """Node ids, each once, sorted."""
        return tuple(sorted({nodeid for nodeid, _ in self.slots}))


def units_of(groups: Iterable[Group], book: Book, rules: Rules | None = None) -> list[Unit]:
    """Every failure of the groups in exactly one unit, in a stable order.

    Raises `UsageError` (bad-rules) for a rule whose cluster does not exist.
    """
    units = [unit for group in groups for unit in _units(group, book)]
    if rules is not None and rules.rules:
        rules.check_clusters(book)
        units = [part for unit in units for part in _ruled(unit, book, rules)]
    return sorted(units, key=lambda unit: unit.key)


def _ruled(unit: Unit, book: Book, rules: Rules) -> Iterator[Unit]:
    """The unit, or the parts of it that rules move; what a person split off stays where it is."""
    if unit.decided:
        yield unit
        return
    fields = unit.group.signature.fields
    deciding: dict[str, tuple[Rule | None, list[Slot]]] = {}
    for slot in unit.slots:
        rule = rules.first({**fields, "test": slot[0]})
        deciding.setdefault(rule.name if rule else "", (rule, []))[1].append(slot)
    for _, (rule, slots) in sorted(deciding.items()):
        if rule is None:
            yield replace(unit, slots=slots)
        else:
            home = rule.cluster or book.rules.get(rule.name)
            resolved = book.resolve(home) if home is not None else None
            why = [
                Why(kind="rule", detail=f"rule {rule.name!r}" + (f": {rule.reason}" if rule.reason else ""))
            ]
            yield Unit(unit.group, slots, resolved, decided=True, rule=rule, why=why)


def _units(group: Group, book: Book) -> Iterator[Unit]:
    slots = group.slots
    if book.member_home:
        moved: dict[str, list[Slot]] = defaultdict(list)
        for slot in group.slots:
            moved[book.member_home.get((group.signature.id, slot[0]), "")].append(slot)
        slots = moved.pop("", [])
        for decided_home, own in moved.items():
            yield Unit(group, own, decided_home, decided=True)
    if slots:
        home, vouched_by = known_home(group, book)
        news = tuple(sorted(group.ids - book.home.keys()))
        yield Unit(group, slots, home, news=news, vouched_by=vouched_by)


def known_home(group: Group, book: Book) -> tuple[str | None, str | None]:
    """The cluster that has one of the group's signatures, and the older signature that says so.

    A signature of an older algorithm vouches only while its successor is unknown: once both were
    stored side by side, a failure with the old one and another new one is what the new algorithm was
    made to tell apart. A signature that differs by one decade of the error vouches too.
    """
    current = group.signature.id
    if current in book.home:
        return book.home[current], None
    for older in sorted(group.ids - {current}):
        if older in book.home and older not in book.translated:
            return book.home[older], older
    for near in group.marks.get("near", ()):
        if near in book.home:
            return book.home[near], near
    return None, None

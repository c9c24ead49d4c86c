"""Give templates evidence as facts: values that know where they come from.

A template navigates facts as if they were the JSON that they stand for. A fact cannot be turned into
text or calculated with behind the engine's back: it is shown by the engine, which records a claim,
and derived by a filter, which keeps its basis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

from triage.model.claim import Basis, Derived, Op, Ref
from triage.model.claim_value import compute, matches
from triage.model.json_pointer import child, segments


class Fact:
    """A value and its basis."""

    __slots__ = ("basis", "value")

    def __init__(self, value: Any, basis: Basis) -> None:
        self.value = value
        self.basis = basis

    def member(self, token: Any) -> Fact | None:
        """The member of that name or index; None where there is none, or nothing to enter."""
        name = unwrap(token)
        if not isinstance(self.basis, Ref):
            return None
        if isinstance(self.value, dict) and isinstance(name, str) and name in self.value:
            return self._at(name, self.value[name])
        if isinstance(self.value, list) and isinstance(name, int) and 0 <= name < len(self.value):
            return self._at(name, self.value[name])
        return None

    def members(self) -> list[Fact]:
        """The items of a list or the values of an object, in order."""
        if isinstance(self.value, dict):
            return [self._at(name, item) for name, item in self.value.items()]
        if isinstance(self.value, list):
            return [self._at(index, item) for index, item in enumerate(self.value)]
        raise TypeError(f"{type(self.value).__name__} has no members")

    def _at(self, token: str | int, value: Any) -> Fact:
        if not isinstance(self.basis, Ref):
            raise TypeError("a derived value has no members")
        return Fact(value, Ref(source=self.basis.source, pointer=child(self.basis.pointer, token)))

    def __iter__(self) -> Iterator[Fact]:
        return iter(self.members())

    def __bool__(self) -> bool:
        return bool(self.value)

    def __eq__(self, other: object) -> bool:
        return bool(self.value == unwrap(other))

    def __hash__(self) -> int:
        return hash(self.value)

    def __lt__(self, other: Any) -> bool:
        return bool(self.value < unwrap(other))

    def __le__(self, other: Any) -> bool:
        return bool(self.value <= unwrap(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self.value > unwrap(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.value >= unwrap(other))

    def __contains__(self, item: Any) -> bool:
        return unwrap(item) in self.value

    def __str__(self) -> NoReturn:
        raise TypeError("a fact is shown by {{ }} or by a filter that shows, and by nothing else")

    def __repr__(self) -> str:
        return f"Fact({self.value!r}, {self.basis!r})"


def unwrap(value: Any) -> Any:
    """The plain value of a fact; anything else as it is."""
    return value.value if isinstance(value, Fact) else value


def where(items: Iterable[Fact], **wanted: Any) -> list[Fact]:
    """Items whose fields have these values; `a|b` is either, `in__` stands for a dot in a name."""
    conditions = _conditions(wanted)
    return [item for item in items if matches(item.value, conditions)]


def unless(items: Iterable[Fact], **wanted: Any) -> list[Fact]:
    """Items that `where` would leave out."""
    conditions = _conditions(wanted)
    return [item for item in items if not matches(item.value, conditions)]


def ordered(items: Iterable[Fact], field: str = "", reverse: bool = False) -> list[Fact]:
    """Items by the value of a field; those without it come last."""

    def rank(item: Fact) -> tuple[bool, Any]:
        has_field = bool(field) and isinstance(item.value, dict)
        value = item.value.get(field) if has_field else item.value
        is_missing = value is None
        comes_last = is_missing is not reverse  # `reverse` turns this one round as well
        return comes_last, 0 if is_missing else value

    return sorted(items, key=rank, reverse=reverse)


def take(items: Iterable[Fact], number: int) -> list[Fact]:
    """The first items."""
    return list(items)[:number]


def pairs(fact: Fact) -> list[tuple[Fact, Fact]]:
    """Each name of an object, as a fact, with its value."""
    return [(key(member), member) for member in fact.members()]


def key(fact: Fact) -> Fact:
    """The name under which a value stands."""
    return _derived("key", [fact])


def derive(op: Op) -> Callable[..., Fact]:
    """A filter that computes `op` from its subject, with conditions or arguments by name."""

    def apply(fact: Fact, *others: Fact, **args: Any) -> Fact:
        return _derived(op, [fact, *others], **_conditions(args))

    return apply


def total(fact: Fact, field: str = "", **conditions: Any) -> Fact:
    """The sum of a list's numbers, or of one field of its items."""
    args = _conditions(conditions)
    if field:
        args["field"] = field
    return _derived("sum", [fact], **args)


def beyond(fact: Fact, limit: int, **conditions: Any) -> Fact:
    """How many items a list holds behind the first `limit`."""
    return derive("beyond")(fact, limit=limit, **conditions)


def _conditions(wanted: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments of a filter as conditions on fields: no keyword can hold a dot."""
    return {name.replace("__", "."): unwrap(value) for name, value in wanted.items()}


def _derived(op: Op, facts: list[Fact], **args: Any) -> Fact:
    """The value of an operation on facts, with all of them as its basis."""
    for fact in facts:
        if not isinstance(fact, Fact):
            raise TypeError(f"{op} takes evidence, not {type(fact).__name__}")
    basis = Derived(op=op, of=tuple(fact.basis for fact in facts), args=args)
    if op == "key":
        reference = facts[0].basis
        if not isinstance(reference, Ref):
            raise TypeError("a derived value has no key")
        return Fact(segments(reference.pointer)[-1], basis)
    # the operation is applied to the values at hand, as if each of them were a source of its own
    values = {str(number): fact.value for number, fact in enumerate(facts)}
    of_values = Derived(op=op, of=tuple(Ref(source=name) for name in values), args=args)
    return Fact(compute(of_values, values), basis)


DERIVING: dict[str, Callable[..., Any]] = {
    "where": where,
    "unless": unless,
    "ordered": ordered,
    "take": take,
    "pairs": pairs,
    "key": key,
    "total": total,
    "count": derive("count"),
    "beyond": beyond,
    "least": derive("min"),
    "most": derive("max"),
    "mean": derive("mean"),
    "magnitude": derive("magnitude"),
    "minus": derive("minus"),
    "percent": derive("percent"),
    "allowed_rate": derive("allowed_rate"),
}

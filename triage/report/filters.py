"""What templates can do with facts: choose among them, derive from them, show them.

A derived value keeps its basis, so that a check computes it again. Choosing returns facts with their
own pointers. The same conditions are used for choosing and for counting:
`results | where(outcome="failed|error")`, `results | count(outcome="failed|error")`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from triage.model.claim import Derived, Op, Ref, compute, matches
from triage.report.facts import Fact, unwrap


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
        value = item.value.get(field) if field and isinstance(item.value, dict) else item.value
        missing = value is None
        return (missing is not reverse, 0 if missing else value)

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
    return _derived("sum", [fact], **({"field": field} if field else {}), **_conditions(conditions))


def _conditions(wanted: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("__", "."): unwrap(value) for name, value in wanted.items()}


def _derived(op: Op, facts: list[Fact], **args: Any) -> Fact:
    for fact in facts:
        if not isinstance(fact, Fact):
            raise TypeError(f"{op} takes evidence, not {type(fact).__name__}")
    basis = Derived(op=op, of=tuple(fact.basis for fact in facts), args=args)
    if op == "key":
        reference = facts[0].basis
        if not isinstance(reference, Ref):
            raise TypeError("a derived value has no key")
        name = reference.pointer.rsplit("/", 1)[-1].replace("~1", "/").replace("~0", "~")
        return Fact(name, basis)
    stand_ins = {str(at): fact.value for at, fact in enumerate(facts)}
    shallow = Derived(op=op, of=tuple(Ref(source=name) for name in stand_ins), args=args)
    return Fact(compute(shallow, stand_ins), basis)


DERIVING: dict[str, Callable[..., Any]] = {
    "where": where,
    "unless": unless,
    "ordered": ordered,
    "take": take,
    "pairs": pairs,
    "key": key,
    "total": total,
    "count": derive("count"),
    "beyond": lambda fact, limit, **args: derive("beyond")(fact, limit=limit, **args),
    "least": derive("min"),
    "most": derive("max"),
    "mean": derive("mean"),
    "magnitude": derive("magnitude"),
    "minus": derive("minus"),
    "percent": derive("percent"),
    "allowed_rate": derive("allowed_rate"),
}

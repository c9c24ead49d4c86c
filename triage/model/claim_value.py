"""Compute the value of a claim from its evidence.

Whoever renders a document and whoever checks it call the same functions, so they cannot disagree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from triage.model.claim import Basis, Derived, Ref, Unfounded
from triage.model.json_pointer import resolve, segments

_Arguments = Mapping[str, Any]
"""What a derived value is computed with besides its evidence: conditions on items, a field, a limit."""


def compute(basis: Basis, sources: Mapping[str, Any]) -> Any:
    """The value of a basis. Raises `Unfounded`."""
    if isinstance(basis, Ref):
        if basis.source not in sources:
            raise Unfounded(f"there is no source {basis.source!r}")
        return resolve(sources[basis.source], basis.pointer)
    if basis.op == "key":
        return _key(basis, sources)
    values = [compute(part, sources) for part in basis.of]
    try:
        return _OPERATIONS[basis.op](values, basis.args)
    except (TypeError, ValueError, KeyError, IndexError, ZeroDivisionError, AttributeError) as error:
        raise Unfounded(f"{basis.op} cannot be computed: {error}") from None


def matches(item: Any, wanted: Mapping[str, Any]) -> bool:
    """Whether each field of an item, by dotted name, has the wanted value; `a|b` is either."""
    for name, expected in wanted.items():
        value = item
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        accepted = expected.split("|") if isinstance(expected, str) else [expected]
        if value not in accepted:
            return False
    return True


def _key(basis: Derived, sources: Mapping[str, Any]) -> str:
    """The name under which a value stands in its artifact."""
    (part,) = basis.of
    if not isinstance(part, Ref) or not part.pointer:
        raise Unfounded("only a value inside an artifact has a key")
    compute(part, sources)
    return segments(part.pointer)[-1]


def _items(value: Any, args: _Arguments) -> list[Any]:
    """Items of a list, or values of an object, that meet the conditions; or one `field` of each.

    An item whose field is null has no such number, and counts for none.
    """
    conditions = dict(args)
    field = conditions.pop("field", None)
    items = value.values() if isinstance(value, dict) else value
    kept = [item for item in items if matches(item, conditions)]
    if not field:
        return kept
    return [item[field] for item in kept if item[field] is not None]


def _count(values: list[Any], args: _Arguments) -> int:
    return len(_items(values[0], args))


def _sum(values: list[Any], args: _Arguments) -> Any:
    return sum(_items(values[0], args))


def _least(values: list[Any], args: _Arguments) -> Any:
    return min(_items(values[0], args))


def _most(values: list[Any], args: _Arguments) -> Any:
    return max(_items(values[0], args))


def _mean(values: list[Any], args: _Arguments) -> float:
    items = _items(values[0], args)
    return math.fsum(items) / len(items)


def _magnitude(values: list[Any], args: _Arguments) -> Any:
    return abs(values[0])


def _beyond(values: list[Any], args: _Arguments) -> int:
    """How many items a list holds behind the first `limit` that a document shows."""
    conditions = dict(args)
    limit = int(conditions.pop("limit"))
    return max(0, len(_items(values[0], conditions)) - limit)


def _minus(values: list[Any], args: _Arguments) -> Any:
    minuend, subtrahend = values[:2]
    return minuend - subtrahend


def _percent(values: list[Any], args: _Arguments) -> float:
    part, whole = values[:2]
    return float(100.0 * part / whole)


def _allowed_rate(values: list[Any], args: _Arguments) -> float:
    """One-sided upper bound of a failure rate after n runs without a failure: 1 - (1 - level)^(1/n)."""
    level = float(args.get("level", 0.95))
    runs = values[0]
    return float(1.0 - (1.0 - level) ** (1.0 / runs))


_OPERATIONS: dict[str, Callable[[list[Any], _Arguments], Any]] = {
    "count": _count,
    "sum": _sum,
    "min": _least,
    "max": _most,
    "mean": _mean,
    "magnitude": _magnitude,
    "beyond": _beyond,
    "minus": _minus,
    "percent": _percent,
    "allowed_rate": _allowed_rate,
}
"""Every operation but `key`, which is about where a value stands and not about what it is."""

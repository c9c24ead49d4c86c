"""Read from a trace of torch operations where a graph breaks, a signal dies or a gradient is not finite.

A trace is the list of operations that the meter `trace` wrote, in the order in which they ran. Of each
it knows whether it left the graph (`left`), its value (`zero`, `nonfinite`), what it took (`from`,
`leaves`), the gradient that came back to it (`grad_zero`, `grad_nonfinite`) and whether it handed only zeros
on (`hands_zero`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from triage.model.base import Value

Op = Mapping[str, Any]
_BREAKING = frozenset(
    {
        "detach", "detach_", "data", "item", "tolist", "numpy", "__array__", "__float__", "__int__",
        "tensor", "as_tensor", "from_numpy", "new_tensor", "full", "full_like", "zeros_like", "ones_like",
        "clone", "to", "long", "int", "short", "byte", "round", "floor", "ceil", "trunc", "sign",
        "heaviside", "floor_divide", "argmax", "argmin", "argsort", "bucketize", "searchsorted",
    }
)  # fmt: skip
"""Operations whose result has no graph, or a gradient of zero everywhere."""
_STEPS = frozenset({"round", "floor", "ceil", "trunc", "sign", "heaviside"})
"""Step functions keep a graph whose gradient is zero everywhere."""
_TAMPERING = frozenset({"register_hook", "register_post_accumulate_grad_hook", "data"})
_COMPARING = frozenset(
    {
        "gt", "lt", "ge", "le", "eq", "ne", "__gt__", "__lt__", "__ge__", "__le__", "__eq__", "__ne__",
        "isfinite", "isnan", "isinf", "allclose", "isclose", "equal", "logical_and", "logical_or", "any",
        "all", "__bool__", "is_nonzero",
    }
)  # fmt: skip
"""Comparisons leave the graph rightly: they are suspects only where nothing else left it."""


class Site(Value):
    """An operation at a line of the author's."""

    op: str
    path: str
    line: int

    @property
    def place(self) -> str:
        """`path:line`"""
        return f"{self.path}:{self.line}"


def broken_at(ops: Sequence[Op], calls: Sequence[Mapping[str, Any]]) -> list[Site]:
    """Operations that took something with a graph and gave something without, last ones first.

    Only where a leaf stayed without a gradient, or a backward call found no graph: elsewhere that is right.
    """
    if calls and not (_without_graph(calls) or _without_gradient(calls)):
        return _sites([op for op in ops if op.get("op") in _STEPS and op.get("tracked")])
    left = [op for op in ops if op.get("left") and op.get("op") not in _COMPARING]
    without_grad_mode = [op for op in left if not op.get("grad_mode", True)]
    breaking = [op for op in left if op.get("op") in _BREAKING]
    compared = [op for op in ops if op.get("left") and op.get("op") in _COMPARING]
    return _sites([*without_grad_mode, *reversed(breaking), *(left or reversed(compared))])


def _without_graph(calls: Sequence[Mapping[str, Any]]) -> bool:
    return any(
        call.get("unreached") or call.get("error") or not call.get("has_graph", True) for call in calls
    )


def _without_gradient(calls: Sequence[Mapping[str, Any]]) -> bool:
    return any(leaf.get("grad") is None for call in calls for leaf in call.get("leaves", ()))


def partly_broken_at(ops: Sequence[Op]) -> list[Site]:
    """Where a part of the graph was left although gradients came: rightly or not, an experiment tells."""
    return _sites([op for op in reversed(ops) if op.get("left") and op.get("op") in _BREAKING])


def tampered_at(ops: Sequence[Op]) -> list[Site]:
    """Hooks on gradients, and values that are reached through `.data`, which the graph does not see."""
    return _sites([op for op in ops if op.get("tracked") and op.get("op") in _TAMPERING])


def nonfinite_at(ops: Sequence[Op], calls: Sequence[Mapping[str, Any]]) -> list[Site]:
    """Where a gradient stops being finite, then where a value does although its inputs are finite.

    For the gradient, looking backwards, that is an operation whose own gradient is finite while that of
    what it took is not.
    """
    if not calls:
        return []  # nothing asked for a gradient: a value that is not finite is another matter
    values = [op for op in ops if op.get("nonfinite") and not op.get("nonfinite_in")]
    leaves = any(leaf.get("nonfinite") for call in calls for leaf in call.get("leaves", ()))
    if not (values or leaves or any(op.get("grad_nonfinite") for op in ops)):
        return []
    gradients = []
    for op in reversed(ops):
        if op.get("grad_nonfinite") is False and any(s.get("grad_nonfinite") for s in _sources(ops, op)):
            gradients.append(op)
    return _sites([*gradients, *values])


def dead_at(ops: Sequence[Op], calls: Sequence[Mapping[str, Any]]) -> list[Site]:
    """Operations behind which nothing comes back: gradient not zero at them, zero at all that they took.

    Where every gradient is zero because the value is, the first operation that made a zero of non-zeros.
    """
    zero = any(leaf.get("max_abs") in (0, 0.0) for call in calls for leaf in call.get("leaves", ()))
    if not zero:
        return []
    gradients = [op for op in reversed(ops) if _kills_the_gradient(ops, op)]
    tracked_zeros = [op for op in ops if op.get("zero") and op.get("tracked")]
    zero_of_nonzero = [op for op in tracked_zeros if not op.get("zero_in")]
    return _sites([*gradients, *zero_of_nonzero, *tracked_zeros])


def dead_ends(ops: Sequence[Op], calls: Sequence[Mapping[str, Any]]) -> list[Site]:
    """Operations, from the loss backwards, to which a gradient comes and behind which every one is zero.

    Empty where no leaf has a gradient of zero: what is switched off on purpose is nobody's symptom then.
    """
    if not any(leaf.get("max_abs") in (0, 0.0) for call in calls for leaf in call.get("leaves", ())):
        return []
    return _sites([op for op in reversed(ops) if _kills_the_gradient(ops, op)])


def is_still_dead(site: Site, ops: Sequence[Op]) -> bool:
    """Whether the operation at this place kills the gradient in another run too."""
    return any(_kills_the_gradient(ops, op) for op in ops if op.get("where") == site.place)


def _kills_the_gradient(ops: Sequence[Op], op: Op) -> bool:
    """Whether a gradient came to the operation, and it handed zero to everything that it took."""
    if "hands_zero" in op:
        return op.get("grad_zero") is False and bool(op["hands_zero"])
    measured = [source for source in _sources(ops, op) if "grad_zero" in source]
    return op.get("grad_zero") is False and bool(measured) and all(source["grad_zero"] for source in measured)


def _sources(ops: Sequence[Op], op: Op) -> list[Op]:
    """The operations and leaves whose values an operation took."""
    operations = [ops[number] for number in op.get("from", ()) if 0 <= number < len(ops)]
    leaves = set(op.get("leaves", ()))
    return operations + [entry for entry in ops if entry.get("op") == "leaf" and entry.get("leaf") in leaves]


def _sites(ops: Sequence[Op]) -> list[Site]:
    """One site a line, where the line is known."""
    found: dict[tuple[str, int], Site] = {}
    for op in ops:
        path, _, line = str(op.get("where", "")).rpartition(":")
        if path and line.isdigit():
            found.setdefault((path, int(line)), Site(op=str(op["op"]), path=path, line=int(line)))
    return list(found.values())

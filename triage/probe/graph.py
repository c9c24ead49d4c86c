"""Reading a trace: which operation broke the graph, killed the signal, or made a gradient non-finite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from triage.model.base import Value

Op = Mapping[str, Any]
_BREAKING = frozenset(
    [
        "detach",
        "detach_",
        "data",
        "item",
        "tolist",
        "numpy",
        "__array__",
        "__float__",
        "__int__",
        "tensor",
        "as_tensor",
        "from_numpy",
        "long",
        "int",
        "short",
        "byte",
        "round",
        "floor",
        "ceil",
        "trunc",
        "sign",
        "argmax",
        "argmin",
        "to",
        "argsort",
        "bucketize",
        "searchsorted",
        "heaviside",
        "floor_divide",
        "clone",
        "new_tensor",
        "full",
        "zeros_like",
        "ones_like",
        "full_like",
    ]
)
_STEPS = frozenset({"round", "floor", "ceil", "trunc", "sign", "heaviside"})
_TAMPERING = frozenset({"register_hook", "register_post_accumulate_grad_hook", "data"})
_COMPARING = frozenset(
    [
        "gt",
        "lt",
        "ge",
        "le",
        "eq",
        "ne",
        "__gt__",
        "__lt__",
        "__ge__",
        "__le__",
        "__eq__",
        "__ne__",
        "isfinite",
        "isnan",
        "isinf",
        "allclose",
        "isclose",
        "logical_and",
        "logical_or",
        "any",
        "all",
        "__bool__",
        "equal",
        "is_nonzero",
    ]
)


class Site(Value):
    """An operation at a line of the author's."""

    op: str
    path: str
    line: int


def broken_at(ops: Sequence[Op], calls: Sequence[Mapping[str, Any]]) -> list[Site]:
    """Operations that took something with a graph and gave something without, last ones first.

    Only where a leaf stayed without a gradient, or a backward call found no graph: elsewhere that is right.
    """
    broken = any(
        call.get("unreached") or call.get("error") or not call.get("has_graph", True) for call in calls
    )
    missing = any(leaf.get("grad") is None for call in calls for leaf in call.get("leaves", ()))
    if calls and not (broken or missing):
        return [] if not _flat_steps(ops) else _sites(_flat_steps(ops))
    left = [op for op in ops if op.get("left") and op.get("op") not in _COMPARING]
    ungraded = [op for op in left if not op.get("grad_mode", True)]
    breaking = [op for op in left if op.get("op") in _BREAKING]
    compared = [op for op in ops if op.get("left") and op.get("op") in _COMPARING]
    return _sites([*ungraded, *reversed(breaking), *(left or reversed(compared))])


def partly_broken_at(ops: Sequence[Op]) -> list[Site]:
    """Where a part of the graph was left although gradients came: rightly or not, an experiment tells."""
    return _sites([op for op in reversed(ops) if op.get("left") and op.get("op") in _BREAKING])


def tampered_at(ops: Sequence[Op]) -> list[Site]:
    """Hooks on gradients, and values that are reached behind the graph's back."""
    return _sites([op for op in ops if op.get("tracked") and op.get("op") in _TAMPERING])


def _flat_steps(ops: Sequence[Op]) -> list[Op]:
    """Step functions keep a graph whose gradient is zero everywhere."""
    return [op for op in ops if op.get("op") in _STEPS and op.get("tracked")]


def nonfinite_at(ops: Sequence[Op], calls: Sequence[Mapping[str, Any]]) -> list[Site]:
    """The first operation whose value is not finite although its inputs are; then, backwards, the first
    whose gradient is finite while that of what it took is not."""
    if not calls:
        return []  # nothing asked for a gradient: a value that is not finite is another matter
    born = [op for op in ops if op.get("nonfinite") and not op.get("nonfinite_in")]
    spoiled = any(leaf.get("nonfinite") for call in calls for leaf in call.get("leaves", ()))
    if not (born or spoiled or any(op.get("grad_nonfinite") for op in ops)):
        return []
    backward = [
        op
        for op in reversed(ops)
        if op.get("grad_nonfinite") is False and any(_bad(ops, source) for source in _sources(ops, op))
    ]
    return _sites([*backward, *born])


def dead_at(ops: Sequence[Op], calls: Sequence[Mapping[str, Any]]) -> list[Site]:
    """Operations behind which nothing comes back: gradient not zero at them, zero at all that they took.

    Where every gradient is zero because the value is, the first operation that made a zero of non-zeros.
    """
    zero = any(leaf.get("max_abs") in (0, 0.0) for call in calls for leaf in call.get("leaves", ()))
    if not zero:
        return []
    backward = [
        op
        for op in reversed(ops)
        if op.get("grad_zero") is False
        and (came := [entry for entry in _sources(ops, op) if "grad_zero" in entry])
        and all(entry["grad_zero"] for entry in came)
    ]
    forward = [op for op in ops if op.get("zero") and not op.get("zero_in") and op.get("tracked")]
    from_zero = [op for op in ops if op.get("zero") and op.get("tracked")]
    return _sites([*backward, *forward, *from_zero])


def _sources(ops: Sequence[Op], op: Op) -> list[Op]:
    made = [ops[number] for number in op.get("from", ()) if 0 <= number < len(ops)]
    leaves = set(op.get("leaves", ()))
    return made + [entry for entry in ops if entry.get("op") == "leaf" and entry.get("leaf") in leaves]


def _bad(ops: Sequence[Op], op: Op) -> bool:
    return bool(op.get("grad_nonfinite"))


def _sites(ops: Sequence[Op]) -> list[Site]:
    found: dict[tuple[str, int], Site] = {}
    for op in ops:
        path, _, line = str(op.get("where", "")).rpartition(":")
        if path and line.isdigit():
            found.setdefault((path, int(line)), Site(op=str(op["op"]), path=path, line=int(line)))
    return list(found.values())

"""Read from a trace of torch operations where a graph breaks, a signal dies or a gradient is not finite.

A trace is the list of operations that the meter `trace` wrote, in the order in which they ran, beside the
backward calls that the meter `gradients` saw. Each question gives the operations that answer it as sites,
one for each line, the likeliest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triage.model.base import Value

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
_LEAF = "leaf"
"""Stands in the place of an operation for a tensor that the test itself has made."""


class Site(Value):
    """An operation at a line of the author's."""

    op: str
    path: str
    line: int

    @property
    def place(self) -> str:
        """`path:line`"""
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Operation:
    """One operation, or a leaf; what the meter could not tell is None."""

    name: str
    where: str
    """`path:line`, empty where no line of the author's is known."""
    took: tuple[int, ...]
    """Numbers of the operations whose results it took."""
    took_leaves: frozenset[int]
    leaf: int | None
    """Identity of the tensor, of a leaf."""
    tracked: bool
    """Whether something that it took had a graph."""
    left: bool
    """Whether its result has none all the same."""
    grad_mode: bool
    """Whether gradients were switched on."""
    is_zero: bool
    took_zero: bool
    is_nonfinite: bool
    took_nonfinite: bool
    gradient_is_zero: bool | None
    """Of the gradient that came back to it."""
    gradient_is_nonfinite: bool | None
    hands_zero: bool | None
    """Whether it handed only zeros on to what it took."""

    @classmethod
    def read(cls, line: Mapping[str, Any]) -> Operation:
        """One line of the meter."""
        return cls(
            name=str(line.get("op")),
            where=str(line.get("where", "")),
            took=tuple(line.get("from", ())),
            took_leaves=frozenset(line.get("leaves", ())),
            leaf=line.get("leaf"),
            tracked=bool(line.get("tracked")),
            left=bool(line.get("left")),
            grad_mode=bool(line.get("grad_mode", True)),
            is_zero=bool(line.get("zero")),
            took_zero=bool(line.get("zero_in")),
            is_nonfinite=bool(line.get("nonfinite")),
            took_nonfinite=bool(line.get("nonfinite_in")),
            gradient_is_zero=line.get("grad_zero"),
            gradient_is_nonfinite=line.get("grad_nonfinite"),
            hands_zero=line.get("hands_zero"),
        )

    @property
    def is_comparison(self) -> bool:
        return self.name in _COMPARING

    @property
    def breaks_graphs(self) -> bool:
        """Whether it is of a kind that has no graph, or only gradients of zero."""
        return self.name in _BREAKING

    @property
    def site(self) -> Site | None:
        """Where it stands; None where no line is known."""
        path, _, line = self.where.rpartition(":")
        if not path or not line.isdigit():
            return None
        return Site(op=self.name, path=path, line=int(line))


class GradientTrace:
    """The operations of one run, and what its backward calls gave."""

    def __init__(self, lines: Sequence[Mapping[str, Any]], calls: Sequence[Mapping[str, Any]] = ()) -> None:
        """`lines` are those of the meter `trace`, `calls` the backward calls of the meter `gradients`."""
        self._operations = [Operation.read(line) for line in lines]
        self._calls = calls
        self._leaves_of_calls = [leaf for call in calls for leaf in call.get("leaves", ())]

    # -- what the backward calls show -----------------------------------------------------------

    @property
    def _a_graph_is_missing(self) -> bool:
        return any(
            call.get("unreached") or call.get("error") or not call.get("has_graph", True)
            for call in self._calls
        )

    @property
    def _a_gradient_is_missing(self) -> bool:
        return any(leaf.get("grad") is None for leaf in self._leaves_of_calls)

    @property
    def _a_gradient_is_zero(self) -> bool:
        return any(leaf.get("max_abs") == 0 for leaf in self._leaves_of_calls)

    @property
    def _a_gradient_is_nonfinite(self) -> bool:
        return any(leaf.get("nonfinite") for leaf in self._leaves_of_calls)

    # -- graphs ---------------------------------------------------------------------------------

    def broken_at(self) -> list[Site]:
        """Operations that took something with a graph and gave something without, last ones first.

        Only where a leaf stayed without a gradient, or a backward call found no graph: elsewhere that is
        right, and only step functions are suspects.
        """
        if self._calls and not (self._a_graph_is_missing or self._a_gradient_is_missing):
            return _sites(op for op in self._operations if op.tracked and op.name in _STEPS)
        left = [op for op in self._operations if op.left and not op.is_comparison]
        switched_off = [op for op in left if not op.grad_mode]
        breaking = [op for op in reversed(left) if op.breaks_graphs]
        if left:
            return _sites([*switched_off, *breaking, *left])
        return _sites(op for op in reversed(self._operations) if op.left)

    def partly_broken_at(self) -> list[Site]:
        """Where a part of the graph was left although gradients came: rightly or not, an experiment tells."""
        return _sites(op for op in reversed(self._operations) if op.left and op.breaks_graphs)

    def tampered_at(self) -> list[Site]:
        """Hooks on gradients, and values that are reached through `.data`, which the graph does not see."""
        return _sites(op for op in self._operations if op.tracked and op.name in _TAMPERING)

    # -- values ---------------------------------------------------------------------------------

    def nonfinite_at(self) -> list[Site]:
        """Where a gradient stops being finite, then where a value does although its inputs are finite.

        For the gradient, looking backwards, that is an operation whose own gradient is finite while that of
        what it took is not.
        """
        if not self._calls:
            return []  # nothing asked for a gradient: a value that is not finite is another matter
        values = [op for op in self._operations if op.is_nonfinite and not op.took_nonfinite]
        gradients = [op for op in self._operations if op.gradient_is_nonfinite]
        if not (values or gradients or self._a_gradient_is_nonfinite):
            return []
        spoiling = [op for op in reversed(self._operations) if self._spoils_the_gradient(op)]
        return _sites([*spoiling, *values])

    def dead_at(self) -> list[Site]:
        """Operations behind which nothing comes back; then those whose value is zero already.

        Where every gradient is zero because the value is, that is the first operation that made a zero of
        non-zeros.
        """
        if not self._a_gradient_is_zero:
            return []
        zeros = [op for op in self._operations if op.tracked and op.is_zero]
        zeros_of_nonzeros = [op for op in zeros if not op.took_zero]
        return _sites([*self._killing(), *zeros_of_nonzeros, *zeros])

    def dead_ends(self) -> list[Site]:
        """Operations, from the loss backwards, to which a gradient comes and behind which every one is zero.

        Empty where no leaf has a gradient of zero: what is switched off on purpose is nobody's symptom then.
        """
        return _sites(self._killing()) if self._a_gradient_is_zero else []

    def is_dead_at(self, site: Site) -> bool:
        """Whether the operation at this place kills the gradient, in this run too."""
        return any(op.where == site.place for op in self._killing())

    def _killing(self) -> list[Operation]:
        return [op for op in reversed(self._operations) if self._kills_the_gradient(op)]

    def _kills_the_gradient(self, op: Operation) -> bool:
        """Whether a gradient came to the operation, and it handed zero to everything that it took."""
        if op.gradient_is_zero is not False:
            return False
        if op.hands_zero is not None:
            return op.hands_zero
        measured = [source for source in self._sources(op) if source.gradient_is_zero is not None]
        return bool(measured) and all(source.gradient_is_zero for source in measured)

    def _spoils_the_gradient(self, op: Operation) -> bool:
        """Whether the gradient that came to the operation was finite, and that of what it took is not."""
        if op.gradient_is_nonfinite is not False:
            return False
        return any(source.gradient_is_nonfinite for source in self._sources(op))

    def _sources(self, op: Operation) -> list[Operation]:
        """The operations and leaves whose values an operation took."""
        known = [self._operations[number] for number in op.took if 0 <= number < len(self._operations)]
        leaves = [each for each in self._operations if each.name == _LEAF and each.leaf in op.took_leaves]
        return known + leaves


def _sites(operations: Iterable[Operation]) -> list[Site]:
    """One site for each line, where the line is known."""
    found: dict[str, Site] = {}
    for op in operations:
        if op.site is not None:
            found.setdefault(op.site.place, op.site)
    return list(found.values())

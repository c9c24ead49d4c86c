"""Shorten what the gradient meter wrote to the numbers that a document states."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import ConfigDict, ValidationError

from triage.model.base import Value

Line = Mapping[str, Any]
"""A line of the gradient meter, as JSON."""
GraphState = Literal["intact", "broken", "none"]
"""`broken`: a leaf is not reached, or there is no graph; `none`: there is nothing to reach."""


class Measurements(Value):
    """Loss and gradients of one run, at the backward call that the test is about."""

    model_config = ConfigDict(extra="ignore")  # evidence of other versions may hold more

    loss: Any = None
    """A number, or a text for one that JSON cannot hold (NaN, Infinity)."""
    graph: GraphState = "none"
    gradients: dict[str, Any] = {}
    """Leaf to its gradient: a number, a list, or `{"norm": ...}` for a large one; None where it has none."""
    unreached: tuple[str, ...] = ()
    """Leaves that the backward call did not reach."""
    where: Any = None
    """Where the test made the call."""
    backward_calls: int = 1
    """How many the run made."""


def measurements_of(measured: Mapping[str, Sequence[Line]]) -> Measurements | None:
    """The numbers of one run from what its instruments wrote; None where nothing was differentiated."""
    calls = backward_calls(measured.get("gradients", ()))
    if not calls:
        return None
    call = main_backward(calls)
    return Measurements(
        loss=call.get("loss"),
        graph=graph_state(call),
        gradients={leaf["name"]: leaf.get("grad") for leaf in call.get("leaves", ())},
        unreached=tuple(leaf["name"] for leaf in call.get("unreached", ())),
        where=call.get("where"),
        backward_calls=len(calls),
    )


def backward_calls(lines: Sequence[Line]) -> list[Line]:
    """The backward calls among the lines of the gradient meter."""
    return [line for line in lines if line.get("event") == "backward"]


def main_backward(calls: Sequence[Line]) -> Line:
    """The call that the test is about: the first that went wrong, else the last."""
    for call in calls:
        if call.get("error") or call.get("unreached") or not _has_signal(call):
            return call
    return calls[-1]


def graph_state(call: Line) -> GraphState:
    """Whether the graph of a backward call led to its leaves."""
    if call.get("error") or not call.get("has_graph", True) or call.get("unreached"):
        return "broken"
    return "intact" if call.get("leaves") else "none"


def _has_signal(call: Line) -> bool:
    """Whether any gradient differs from zero."""
    return any(leaf.get("max_abs") not in (0, 0.0, None) for leaf in call.get("leaves", ()))


def recorded_measurements(values: object) -> Measurements | None:
    """The numbers that an experiment's result holds; None where an arm has none, or they make no sense."""
    if not isinstance(values, Mapping) or not values:
        return None
    try:
        return Measurements.model_validate(values)
    except ValidationError:
        return None


def magnitude(value: Any) -> float | None:
    """Size of a measured gradient: of a number, the largest of a list, the norm of a large one.

    None for whatever has no finite size.
    """
    if isinstance(value, Mapping):
        return magnitude(value.get("norm"))
    if isinstance(value, list | tuple):
        sizes = [size for item in value if (size := magnitude(item)) is not None]
        return max(sizes, default=None)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return abs(float(value)) if math.isfinite(value) else None

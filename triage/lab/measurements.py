"""What instruments wrote, shortened to what a document states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def measurements(measured: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Numbers of one run: loss and gradient of each leaf, where gradients were measured."""
    calls = backward_calls(measured.get("gradients", ()))
    if not calls:
        return {}
    call = main_backward(calls)
    return {
        "loss": call.get("loss"),
        "graph": graph_state(call),
        "gradients": {leaf["name"]: leaf.get("grad") for leaf in call.get("leaves", ())},
        "unreached": [leaf["name"] for leaf in call.get("unreached", ())],
        "where": call.get("where"),
        "backward_calls": len(calls),
    }


def backward_calls(lines: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The backward calls among the lines of the gradient meter."""
    return [line for line in lines if line.get("event") == "backward"]


def main_backward(calls: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The call that the test is about: the first that went wrong, else the last."""
    for call in calls:
        if call.get("error") or call.get("unreached") or not _alive(call):
            return call
    return calls[-1]


def graph_state(call: Mapping[str, Any]) -> str:
    """`intact`, `broken` (a leaf is not reached, or there is no graph) or `none` (nothing to reach)."""
    if call.get("error") or not call.get("has_graph", True) or call.get("unreached"):
        return "broken"
    return "intact" if call.get("leaves") else "none"


def _alive(call: Mapping[str, Any]) -> bool:
    return any(leaf.get("max_abs") not in (0, 0.0, None) for leaf in call.get("leaves", ()))

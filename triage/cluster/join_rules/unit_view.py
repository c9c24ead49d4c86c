"""Look at a unit as the join rules need it: its features, its comparison, what its test calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from triage.cluster.context import Context
from triage.cluster.groups import Unit
from triage.model.signature import Feature

_ODD_DIGITS = 3
"""Significant digits up to which two numbers may be equal by chance."""
_COMPARISON_FIELDS = ("kind", "left", "right", "gradients", "dtypes")


def features(unit: Unit, kind: Feature) -> tuple[str, ...]:
    """Values of a kind of evidence that every failure of the unit shows."""
    return unit.group.features.get(kind, ())


def fields(unit: Unit) -> dict[str, str]:
    """The fields of the unit's signature."""
    return unit.group.signature.fields


def file_of_tests(unit: Unit) -> str:
    """The test file of a unit whose failures are no product frame's; a group has one."""
    return fields(unit).get("file", "")


def comparison(unit: Unit) -> str:
    """How the unit's assertion compared: kinds of values and of numbers."""
    numbers = (fields(unit).get(name, "") for name in _COMPARISON_FIELDS)
    return " ".join((*numbers, *features(unit, Feature.COMPARED)))


def project_calls(unit: Unit, context: Context) -> tuple[str, ...]:
    """Functions of the project that the failing line of the test calls."""
    return tuple(call for call in features(unit, Feature.CALLS) if _in_project(call, context))


def was_looked_at(unit: Unit, context: Context) -> bool:
    """Whether the traced run shows what any of the unit's tests executed."""
    return any(context.suspicions.seen(nodeid) is not None for nodeid in unit.members)


def odd(numbers: Iterable[str]) -> Iterator[str]:
    """Numbers with more significant digits than chance would repeat."""
    for shown in numbers:
        digits = shown.partition("e")[0].replace(".", "").replace("-", "").strip("0")
        if len(digits) > _ODD_DIGITS:
            yield shown


def _in_project(call: str, context: Context) -> bool:
    """Whether a dotted name begins with a module of the checkout."""
    module = call.partition(".")[0]
    candidates = (f"{folder}{module}{ending}" for folder in ("", "src/") for ending in ("", ".py"))
    return any(context.exists(path) for path in candidates)

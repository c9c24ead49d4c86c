"""Candidates for control values: numeric defaults that the test left alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from triage.model.base import Value
from triage.probe.api import Setup


class Candidate(Value):
    """One field with its default, and a value under which a dead signal may live."""

    path: str
    """package.module.Class.field"""
    default: Any
    control: Any
    zero: bool = False
    """Whether the default is zero: a factor that can kill a product."""
    first: bool = True
    """Whether this is the control value to try first."""


def candidates(lines: Iterable[Mapping[str, Any]]) -> list[Candidate]:
    """From the lines of the meter `configs`, zero floats first; each field with its control values."""
    fields: dict[str, Any] = {}
    for line in lines:
        if line.get("event") == "default":
            fields.setdefault(f"{line['owner']}.{line['field']}", line["value"])
    found = [
        Candidate(path=path, default=value, control=control, zero=_is_zero(value), first=number == 0)
        for path, value in fields.items()
        for number, control in enumerate(controls(value))
    ]
    return sorted(found, key=lambda c: (not c.zero, not isinstance(c.default, float)))


def controls(value: Any) -> tuple[Any, ...]:
    """Control values for a default: far from zero, then near; an on for an off."""
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, list | tuple):
        return tuple(type(value)(parts) for parts in zip(*(controls(item) for item in value), strict=False))
    if isinstance(value, float):
        return (100.0, 1.0, 0.5) if value == 0 else (value * 10.0, value / 10.0, -value)
    return (100, 1) if value == 0 else (value * 2, max(1, value // 2))


def overriding(setup: Setup, group: Sequence[Candidate]) -> Setup:
    """The setup with these defaults overridden; with none it is the placebo: the instrument, idle."""
    overrides = {candidate.path: candidate.control for candidate in group}
    return setup.plus(instruments={"defaults": {"overrides": overrides}})


def _is_zero(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_zero(item) for item in value)
    return not isinstance(value, bool) and value == 0

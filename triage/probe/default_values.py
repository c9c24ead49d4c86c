"""Control values for numeric defaults on which a test relied, as the meter `configs` saw them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from triage.lab.protocol import Setup
from triage.model.base import Value
from triage.model.experiment import Factor


class DefaultValue(Value):
    """One field with its default, and a control value under which a dead signal may live."""

    path: str
    """package.module.Class.field, or package.function.keyword"""
    default: Any
    control: Any
    zero: bool = False
    """Whether the default is zero: a factor that can kill a product."""
    first: bool = True
    """Whether this is the control value to try first."""


def default_values(lines: Iterable[Mapping[str, Any]]) -> list[DefaultValue]:
    """Each field with its control values: fields whose default is zero first, then floats."""
    fields: dict[str, Any] = {}
    for line in lines:
        if line.get("event") == "default":
            fields.setdefault(f"{line['owner']}.{line['field']}", line["value"])
    found: list[DefaultValue] = []
    for path, default in fields.items():
        is_first = True
        for control in controls(default):
            found.append(
                DefaultValue(
                    path=path, default=default, control=control, zero=_is_zero(default), first=is_first
                )
            )
            is_first = False
    return sorted(found, key=_likeliest_first)


def _likeliest_first(value: DefaultValue) -> tuple[bool, bool]:
    """Key of a sort: a zero kills a signal, and where none is zero, floats are what signals are made of."""
    return not value.zero, not isinstance(value.default, float)


def controls(default: Any) -> tuple[Any, ...]:
    """Control values for a default: far from zero, then near; the opposite of a switch."""
    if isinstance(default, bool):
        return (not default,)
    if isinstance(default, list | tuple):
        by_item = [controls(item) for item in default]
        return tuple(type(default)(values) for values in zip(*by_item, strict=False))
    if isinstance(default, float):
        if default == 0:
            return (100.0, 1.0, 0.5)  # 1/2 for what has to be a share, such as a probability
        return (default * 10.0, default / 10.0, -default)
    if default == 0:
        return (100, 1)
    return (default * 2, max(1, default // 2))


def overriding(setup: Setup, group: Sequence[DefaultValue]) -> Setup:
    """The setup with these defaults overridden; with none it is the control: the instrument, idle."""
    overrides = {value.path: value.control for value in group}
    return setup.plus(instruments={"defaults": {"overrides": overrides}})


def factor_of(group: Sequence[DefaultValue]) -> Factor:
    """One field is one factor; several are written as a joint one."""
    if len(group) == 1:
        only = group[0]
        return Factor(kind="config", name=only.path, from_=only.default, to=only.control)
    return Factor(
        kind="config",
        name=" + ".join(value.path for value in group),
        from_=[value.default for value in group],
        to=[value.control for value in group],
    )


def paths_and_values(factor: Factor) -> list[tuple[str, Any]]:
    """The fields of such a factor with their control values, one pair a field."""
    paths = factor.name.split(" + ")
    controls_of = [factor.to] if len(paths) == 1 else factor.to
    return list(zip(paths, controls_of, strict=True))


def _is_zero(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_zero(item) for item in value)
    return not isinstance(value, bool) and value == 0

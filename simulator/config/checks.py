"""Checks shared by the configurations. They look at values only, so torch is never imported here."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias, Union

from simulator.config.errors import SimulatorError

if TYPE_CHECKING:
    import torch

Scalar: TypeAlias = Union[float, "torch.Tensor"]
"""A number, or a 0-d tensor whose gradient is wanted."""

Vector: TypeAlias = Union[tuple[Scalar, Scalar, Scalar], "torch.Tensor"]
"""Three numbers, or a tensor of shape [3]."""


def plain(value: Scalar) -> float:
    """Return the number without its graph."""
    if hasattr(value, "detach"):
        return float(value.detach())
    return float(value)


def finite(name: str, value: Scalar, unit: str) -> float:
    """Return the value as a float; raise a SimulatorError if it is not a finite number."""
    try:
        number = plain(value)
    except (TypeError, ValueError, RuntimeError):
        raise SimulatorError(f"{name} must be one number in {unit or 'no unit'}, got {value!r}") from None
    if not math.isfinite(number):
        raise SimulatorError(f"{name} is {number} {unit}".rstrip() + ": it must be a finite number")
    return number


def positive(name: str, value: Scalar, unit: str) -> float:
    """Return the value as a float; raise a SimulatorError unless it is finite and above 0."""
    number = finite(name, value, unit)
    if number <= 0:
        raise SimulatorError(f"{name} is {number:g} {unit}".rstrip() + ": it must be above 0")
    return number


def non_negative(name: str, value: Scalar, unit: str) -> float:
    """Return the value as a float; raise a SimulatorError if it is negative or not finite."""
    number = finite(name, value, unit)
    if number < 0:
        raise SimulatorError(f"{name} is {number:g} {unit}".rstrip() + ": it must not be negative")
    return number


def vector(name: str, value: Iterable[Scalar], unit: str) -> tuple[float, float, float]:
    """Return three finite numbers; raise a SimulatorError for anything else."""
    try:
        parts = [finite(name, part, unit) for part in value]
    except TypeError:
        raise SimulatorError(f"{name} must be three numbers in {unit or 'no unit'}, got {value!r}") from None
    if len(parts) != 3:
        raise SimulatorError(f"{name} must be three numbers in {unit or 'no unit'}, got {len(parts)}")
    return parts[0], parts[1], parts[2]


def axis(name: str, value: Iterable[Scalar]) -> tuple[float, float, float]:
    """Return three finite numbers; raise a SimulatorError if all are zero."""
    parts = vector(name, value, "")
    if not any(parts):
        raise SimulatorError(f"{name} is the zero vector: it has no direction")
    return parts


MOST = 10**6
"""Most points on one axis of an experiment: a larger number is a typing error and would fill the memory."""


def count(name: str, value: int, least: int, most: int = MOST) -> int:
    """Return a whole number from `least` to `most`; raise a SimulatorError for anything else."""
    whole = not isinstance(value, bool) and math.isfinite(value) and int(value) == value
    if not whole or value < least:
        raise SimulatorError(f"{name} is {value}: it must be a whole number of at least {least}")
    if value > most:
        raise SimulatorError(f"{name} is {value}: at most {most} are allowed")
    return int(value)


def choice(name: str, value: str, allowed: Iterable[str]) -> str:
    """Return the word; raise a SimulatorError unless it is one of those allowed."""
    words = tuple(allowed)
    if value not in words:
        raise SimulatorError(f"{name} is {value!r}: it must be one of {', '.join(words)}")
    return value


def region(roi: tuple[int, int, int, int], fpixels: int, spixels: int) -> None:
    """Raise a SimulatorError unless a region of interest touches the detector.

    roi is (fast first, fast last, slow first, slow last), inclusive, in pixels.
    """
    if len(roi) != 4:
        raise SimulatorError(
            f"roi must be four pixel numbers (fast first, last, slow first, last), got {roi!r}"
        )
    first_f, last_f, first_s, last_s = roi
    if first_f > last_f or first_s > last_s:
        raise SimulatorError(f"roi {roi} px is empty: a first pixel lies behind its last")
    if last_f < 0 or last_s < 0 or first_f >= fpixels or first_s >= spixels:
        raise SimulatorError(f"roi {roi} px lies outside the detector of {fpixels} x {spixels} px")

"""Checks shared by the configurations. They look at values only, so torch is never imported here."""

import math
import sys
from collections.abc import Iterable
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from simulator.config.errors import SimulatorError

if TYPE_CHECKING:
    import torch

GENERATOR_MODULUS = 2**31 - 1
"""As MODULUS in physics/chance.py."""

Scalar: TypeAlias = Union[float, "torch.Tensor"]
"""A number, or a 0-d tensor whose gradient is wanted."""

Vector: TypeAlias = Union[tuple[Scalar, Scalar, Scalar], "torch.Tensor"]
"""Three numbers, or a tensor of shape [3]."""


def plain(value: Scalar) -> float:
    """Return the number without its graph.

    Raises a SimulatorError under `torch.vmap` where the number, on which a decision hangs, differs within
    the batch.
    """
    found = numbers(value)
    if any(other != found[0] for other in found[1:]):
        raise SimulatorError(
            f"a number that decides how images are computed differs within a batch: {found[0]:g} and "
            f"{next(other for other in found if other != found[0]):g}; give the choice that follows from it "
            "(as oversample), or compute the images one by one"
        )
    return found[0]


def numbers(value: Scalar) -> list[float]:
    """Return the number of each entry of a batch that `torch.vmap` hides; without one, the number alone."""
    if not hasattr(value, "detach"):
        return [float(value)]
    tensor: Any = value
    if not is_wrapped(tensor):
        return [float(tensor.detach())]
    return [float(number) for number in unwrapped(tensor).reshape(-1).tolist()]


def is_wrapped(value: object) -> bool:
    """Whether it is a tensor under a transform of `torch.func`."""
    torch = sys.modules.get("torch")
    # Looked up, not imported: where nobody has loaded torch, nothing can be a tensor.
    if torch is None or not isinstance(value, torch.Tensor):
        return False
    return bool(torch._C._functorch.is_functorch_wrapped_tensor(value))


def is_batched(value: object) -> bool:
    """Whether it differs between the entries of a batch of `torch.vmap`."""
    tensor: Any = value
    while is_wrapped(tensor):
        functorch = sys.modules["torch"]._C._functorch
        if functorch.is_batchedtensor(tensor):
            return True
        tensor = functorch.get_unwrapped(tensor)
    return False


def unwrapped(tensor: "torch.Tensor") -> "torch.Tensor":
    """Return the tensor beneath the transforms of `torch.func`: with a batch's dimension, without a graph."""
    bindings = sys.modules["torch"]._C
    while bindings._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = bindings._functorch.get_unwrapped(tensor)
    # Without this the copy would be wrapped again.
    with bindings._DisableFuncTorch():
        return tensor.detach().cpu()


def finite(name: str, value: Scalar, unit: str) -> float:
    """Return the value as a float; raise a SimulatorError if it is not a finite number."""
    # Python would read a number out of "70", and take True for 1: both are mistakes here.
    if isinstance(value, (str, bytes, bool)):
        raise SimulatorError(f"{name} must be one number in {unit or 'no unit'}, got {value!r}")
    return _finite(name, value, unit)[0]


def _finite(name: str, value: Scalar, unit: str) -> list[float]:
    """As `finite`, for every entry of a batch."""
    # A wrapped tensor's shape is that of one entry.
    is_one = not hasattr(value, "numel") or value.numel() == 1
    try:
        found = numbers(value) if is_one else []
    except (TypeError, ValueError, RuntimeError):
        found = []
    if not found:
        raise SimulatorError(f"{name} must be one number in {unit or 'no unit'}, got {value!r}")
    for number in found:
        if not math.isfinite(number):
            raise SimulatorError(f"{name} is {number} {unit}".rstrip() + ": it must be a finite number")
    return found


def positive(name: str, value: Scalar, unit: str) -> float:
    """Return the value as a float; raise a SimulatorError unless it is finite and above 0.

    Of a batch the smallest is returned.
    """
    finite(name, value, unit)
    number = min(_finite(name, value, unit))
    if number <= 0:
        raise SimulatorError(f"{name} is {number:g} {unit}".rstrip() + ": it must be above 0")
    return number


def non_negative(name: str, value: Scalar, unit: str) -> float:
    """Return the value as a float; raise a SimulatorError if it is negative or not finite.

    Of a batch the smallest is returned.
    """
    finite(name, value, unit)
    number = min(_finite(name, value, unit))
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
    """Return a whole number from `least` to `most`; raise a SimulatorError for anything else (2.0, True)."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or value < least:
        raise SimulatorError(
            f"{name} is {value!r}: it must be a whole number (Python's or numpy's int) of at least {least}"
        )
    if value > most:
        raise SimulatorError(f"{name} is {value}: at most {most} are allowed")
    return int(value)


def seed(name: str, value: int) -> int:
    """Return a whole number that starts the generator; raise a SimulatorError for anything else."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise SimulatorError(f"{name} is {value!r}: a seed is a whole number")
    # The generator counts by this modulus, and from 0 it never moves; a seed of 0 itself starts it at 1.
    if value != 0 and value % GENERATOR_MODULUS == 0:
        raise SimulatorError(f"{name} is {value}: a multiple of {GENERATOR_MODULUS} starts no random numbers")
    return int(value)


def switch(name: str, value: bool) -> bool:
    """Return True or False; raise a SimulatorError for anything else."""
    if not isinstance(value, bool):
        raise SimulatorError(f"{name} is {value!r}: it must be True or False")
    return value


def instance(name: str, value: object, kind: type) -> None:
    """Raise a SimulatorError unless the value is of this class."""
    if not isinstance(value, kind):
        raise SimulatorError(f"{name} must be a {kind.__name__}, got a {type(value).__name__}")


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
    whole = isinstance(roi, (tuple, list)) and all(isinstance(edge, Integral) for edge in roi)
    if not whole or len(roi) != 4:
        raise SimulatorError(
            f"roi must be four pixel numbers (fast first, last, slow first, last), got {roi!r}"
        )
    first_f, last_f, first_s, last_s = roi
    if first_f > last_f or first_s > last_s:
        raise SimulatorError(f"roi {roi} px is empty: a first pixel lies behind its last")
    if last_f < 0 or last_s < 0 or first_f >= fpixels or first_s >= spixels:
        raise SimulatorError(f"roi {roi} px lies outside the detector of {fpixels} x {spixels} px")

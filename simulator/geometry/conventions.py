"""The axis conventions of the common data-processing programs, as one table.

Beam, fast, slow, normal, two-theta, polarisation and spindle axes in the lab frame; the default beam
centre; and how a beam centre in the convention's own sense becomes a fast and a slow coordinate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

Axis = tuple[float, float, float]
Centre: TypeAlias = "Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]"

X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def _minus(axis: Axis) -> Axis:
    return (-axis[0], -axis[1], -axis[2])


@dataclass(frozen=True)
class Convention:
    """One row of the table. `default_centre` is None where the nearest point serves."""

    beam: Axis
    fast: Axis
    slow: Axis
    normal: Axis
    twotheta: Axis
    polarization: Axis
    spindle: Axis
    pivot: str
    default_centre: "Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]] | None"
    on_detector: Centre
    """(X, Y, slow size, pixel) -> (fast, slow) coordinate of the beam, m."""


def _half_size(fast: "Tensor", slow: "Tensor", pixel: "Tensor") -> "tuple[Tensor, Tensor]":
    return (slow + pixel) / 2, (fast + pixel) / 2


def _adxv_centre(fast: "Tensor", slow: "Tensor", pixel: "Tensor") -> "tuple[Tensor, Tensor]":
    return (fast + pixel) / 2, (slow - pixel) / 2


def _mosflm_spot(x: "Tensor", y: "Tensor", slow: "Tensor", pixel: "Tensor") -> "tuple[Tensor, Tensor]":
    return y + pixel / 2, x + pixel / 2


def _swapped(x: "Tensor", y: "Tensor", slow: "Tensor", pixel: "Tensor") -> "tuple[Tensor, Tensor]":
    return y, x


def _flipped(x: "Tensor", y: "Tensor", slow: "Tensor", pixel: "Tensor") -> "tuple[Tensor, Tensor]":
    return x, slow - y


def _straight(x: "Tensor", y: "Tensor", slow: "Tensor", pixel: "Tensor") -> "tuple[Tensor, Tensor]":
    return x, y


TABLE = {
    "MOSFLM": Convention(X, Z, _minus(Y), X, _minus(Z), Z, Z, "BEAM", _half_size, _mosflm_spot),
    "DENZO": Convention(X, Z, _minus(Y), X, _minus(Z), Z, Z, "BEAM", _half_size, _swapped),
    "ADXV": Convention(Z, X, _minus(Y), Z, _minus(X), X, X, "BEAM", _adxv_centre, _flipped),
    "XDS": Convention(Z, X, Y, Z, X, X, X, "SAMPLE", None, _straight),
    "DIALS": Convention(Z, X, Y, Z, Y, Y, Y, "SAMPLE", None, _straight),
    "CUSTOM": Convention(X, Z, _minus(Y), X, Y, Z, Z, "BEAM", None, _straight),
}

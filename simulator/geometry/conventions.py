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

DefaultCentre: TypeAlias = "Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]"
"""(fast size, slow size, pixel), m -> the default beam centre X, Y in the convention's own sense, m."""

Centre: TypeAlias = "Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]"
"""(X, Y, slow size, pixel), m -> fast and slow coordinate of the beam, m."""

X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def _minus(axis: Axis) -> Axis:
    return (-axis[0], -axis[1], -axis[2])


@dataclass(frozen=True)
class Convention:
    """One row of the table; `default_centre` is None where the point nearest to the sample is the default."""

    beam: Axis
    fast: Axis
    slow: Axis
    normal: Axis
    twotheta: Axis
    polarization: Axis
    spindle: Axis
    pivot: str
    default_centre: "DefaultCentre | None"
    on_detector: Centre


def _half_size(fast: "Tensor", slow: "Tensor", pixel: "Tensor") -> "tuple[Tensor, Tensor]":
    return (slow + pixel) / 2, (fast + pixel) / 2


def _adxv_centre(fast: "Tensor", slow: "Tensor", pixel: "Tensor") -> "tuple[Tensor, Tensor]":
    return (fast + pixel) / 2, (slow - pixel) / 2


def _mosflm_spot(x: "Tensor", y: "Tensor", slow: "Tensor", pixel: "Tensor") -> "tuple[Tensor, Tensor]":
    # MOSFLM counts from the middle of the first pixel, this program from its outer corner.
    return y + pixel / 2, x + pixel / 2


def _swapped(x: "Tensor", y: "Tensor", slow: "Tensor", pixel: "Tensor") -> "tuple[Tensor, Tensor]":
    return y, x


def _flipped(x: "Tensor", y: "Tensor", slow: "Tensor", pixel: "Tensor") -> "tuple[Tensor, Tensor]":
    return x, slow - y


def _straight(x: "Tensor", y: "Tensor", slow: "Tensor", pixel: "Tensor") -> "tuple[Tensor, Tensor]":
    return x, y


TABLE = {
    "MOSFLM": Convention(
        beam=X,
        fast=Z,
        slow=_minus(Y),
        normal=X,
        twotheta=_minus(Z),
        polarization=Z,
        spindle=Z,
        pivot="BEAM",
        default_centre=_half_size,
        on_detector=_mosflm_spot,
    ),
    "DENZO": Convention(
        beam=X,
        fast=Z,
        slow=_minus(Y),
        normal=X,
        twotheta=_minus(Z),
        polarization=Z,
        spindle=Z,
        pivot="BEAM",
        default_centre=_half_size,
        on_detector=_swapped,
    ),
    "ADXV": Convention(
        beam=Z,
        fast=X,
        slow=_minus(Y),
        normal=Z,
        twotheta=_minus(X),
        polarization=X,
        spindle=X,
        pivot="BEAM",
        default_centre=_adxv_centre,
        on_detector=_flipped,
    ),
    "XDS": Convention(
        beam=Z,
        fast=X,
        slow=Y,
        normal=Z,
        twotheta=X,
        polarization=X,
        spindle=X,
        pivot="SAMPLE",
        default_centre=None,
        on_detector=_straight,
    ),
    "DIALS": Convention(
        beam=Z,
        fast=X,
        slow=Y,
        normal=Z,
        twotheta=Y,
        polarization=Y,
        spindle=Y,
        pivot="SAMPLE",
        default_centre=None,
        on_detector=_straight,
    ),
    "CUSTOM": Convention(
        beam=X,
        fast=Z,
        slow=_minus(Y),
        normal=X,
        twotheta=Y,
        polarization=Z,
        spindle=Z,
        pivot="BEAM",
        default_centre=None,
        on_detector=_straight,
    ),
}

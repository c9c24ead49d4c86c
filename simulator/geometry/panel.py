"""A detector plane in space, and the positions of points on it. Metres and radians."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.config import SimulatorError
from simulator.config.checks import plain
from simulator.geometry.arrays import cross
from simulator.geometry.rotation import about_axis, euler_xyz, unit

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Axes:
    """Unit vectors of the experiment before any detector rotation (the two-theta axis as given)."""

    beam: "Tensor"
    fast: "Tensor"
    slow: "Tensor"
    normal: "Tensor"
    twotheta: "Tensor"
    polarization: "Tensor"
    spindle: "Tensor"


@dataclass(frozen=True)
class Placement:
    """What the user says about where the detector stands. Scalars in metres and radians."""

    pivot: str
    rotations: "Tensor"
    twotheta: "Tensor"
    distance: "Tensor"
    close: "Tensor | None"
    beam_spot: "tuple[Tensor, Tensor]"
    near_spot: "tuple[Tensor, Tensor]"


@dataclass(frozen=True)
class Panel:
    """Outer corner of the first pixel, edge directions, normal (unit vectors), and both distances, m."""

    origin: "Tensor"
    fast: "Tensor"
    slow: "Tensor"
    normal: "Tensor"
    close: "Tensor"
    distance: "Tensor"


def normal_of(fast: "Tensor", slow: "Tensor", given: "Tensor") -> "Tensor":
    """The given normal, or fast x slow when its length is not exactly 1."""
    if math.sqrt(sum(plain(part) * plain(part) for part in given)) == 1.0:
        return given
    return unit(cross(fast, slow))


def place(axes: Axes, placement: Placement) -> Panel:
    """The panel after its rotations, pivoted about the beam spot or about the sample.

    The obliquity ratio leaves two-theta out, so `distance` is inconsistent when two-theta is not 0: the
    reference
    program does the same, and its automatic oversampling and curved detector rely on it.
    """
    turn = euler_xyz(placement.rotations)
    swing = about_axis(axes.twotheta, placement.twotheta)
    ratio = axes.beam @ (turn @ axes.normal)
    if plain(ratio) <= 0:
        raise SimulatorError(
            f"the detector is behind the beam: the cosine between beam and normal is {plain(ratio):g}, "
            "it must be above 0"
        )
    close = placement.close if placement.close is not None else abs(ratio * placement.distance)
    distance = close / ratio
    fast, slow, normal = (swing @ turn @ v for v in (axes.fast, axes.slow, axes.normal))
    if placement.pivot == "SAMPLE":
        near_f, near_s = placement.near_spot
        origin = swing @ turn @ (-near_f * axes.fast - near_s * axes.slow + close * axes.normal)
    else:
        beam_f, beam_s = placement.beam_spot
        origin = -beam_f * fast - beam_s * slow + distance * axes.beam
    close = origin @ normal
    if plain(close) <= 0:
        raise SimulatorError(
            f"the detector plane passes behind the sample: its closest distance is {plain(close) * 1e3:g} mm"
        )
    return Panel(origin, fast, slow, normal, close, close / ratio)


def positions(
    panel: Panel, fast: "Tensor", slow: "Tensor", depth: "Tensor"
) -> "tuple[Tensor, Tensor, Tensor]":
    """Lab x, y, z of points at `fast`, `slow` m along the edges and `depth` m along the normal."""
    at_depth = panel.origin + depth * panel.normal
    x, y, z = (fast * panel.fast[i] + slow * panel.slow[i] + at_depth[i] for i in range(3))
    return x, y, z


def bent(
    panel: Panel, beam: "Tensor", point: "tuple[Tensor, Tensor, Tensor]"
) -> "tuple[Tensor, Tensor, Tensor]":
    """A curved detector: distance x beam turned about slow by y/distance, then about fast by z/distance.

    y and z are those of the flat position in the lab, which is meaningful in the MOSFLM convention only.
    """
    distance = panel.distance
    first = about_axis(panel.slow, point[1] / distance)
    second = about_axis(panel.fast, point[2] / distance)
    moved = (second @ (first @ (distance * beam)[:, None]))[..., 0]
    return moved[..., 0], moved[..., 1], moved[..., 2]

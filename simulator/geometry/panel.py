"""A detector plane in space, and the positions of points on it. Metres and radians."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.config import SimulatorError
from simulator.config.checks import numbers, plain
from simulator.geometry.arrays import bare, cross
from simulator.geometry.rotation import about_axis, euler_xyz, unit

if TYPE_CHECKING:
    from torch import Tensor


THROUGH_SAMPLE = 1e-9
"""Closest distance over the distance along the beam up to which a plane holds the sample."""


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
    """Where the user places the detector. Lengths in m, angles in radians.

    pivot       BEAM or SAMPLE: what the rotations leave in place
    rotations   [3] about the lab x, then y, then z axis; twotheta [] about the two-theta axis
    distance    along the beam; close along the normal (None: from `distance`)
    beam_spot   (fast, slow) coordinate of the beam; near_spot of the point nearest to the sample
    """

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


UNIT = 1e-12
"""How far the length of a computed unit vector may be from 1."""


def normal_of(fast: "Tensor", slow: "Tensor", given: "Tensor") -> "Tensor":
    """The given normal, or fast x slow when its length is not exactly 1, as in the reference program.

    A unit vector opposite to fast x slow, up to round-off, means a mirrored panel, whose fast x slow points
    to the sample: the reference would place it behind the beam.
    """
    size = math.sqrt(sum(plain(part) * plain(part) for part in given))
    if size == 1.0:
        return given
    computed = unit(cross(fast, slow))
    is_mirrored = abs(size - 1.0) < UNIT and plain(bare(computed) @ bare(given)) < UNIT - 1.0
    return -computed if is_mirrored else computed


def place(axes: Axes, placement: Placement) -> Panel:
    """Rotate the panel about the beam spot or about the sample.

    The obliquity ratio leaves two-theta out, so `distance` is inconsistent when two-theta is not 0: the
    reference program does the same, and its automatic oversampling and curved detector rely on it.
    Raises a SimulatorError for a panel that the beam cannot hit.
    """
    turn = euler_xyz(placement.rotations)
    swing = about_axis(axes.twotheta, placement.twotheta)
    ratio = axes.beam @ (turn @ axes.normal)
    cosine = min(numbers(ratio))
    if cosine <= 0:
        raise SimulatorError(
            f"the detector is behind the beam: the cosine between beam and normal is {cosine:g}, "
            "it must be above 0"
        )
    close = placement.close
    if close is None:
        close = abs(ratio * placement.distance)
    distance = close / ratio
    fast = swing @ turn @ axes.fast
    slow = swing @ turn @ axes.slow
    normal = swing @ turn @ axes.normal
    if placement.pivot == "SAMPLE":
        near_f, near_s = placement.near_spot
        still = -near_f * axes.fast - near_s * axes.slow + close * axes.normal
        origin = swing @ turn @ still
    else:
        beam_f, beam_s = placement.beam_spot
        origin = -beam_f * fast - beam_s * slow + distance * axes.beam
    close = origin @ normal
    closest = min(numbers(close))
    if closest <= THROUGH_SAMPLE * min(numbers(distance)):
        where = "behind" if closest < 0 else "through"
        raise SimulatorError(
            f"the detector plane passes {where} the sample: its closest distance is {closest * 1e3:g} mm"
        )
    return Panel(origin, fast, slow, normal, close, close / ratio)


def positions(
    panel: Panel, fast: "Tensor", slow: "Tensor", depth: "Tensor"
) -> "tuple[Tensor, Tensor, Tensor]":
    """Lab x, y, z of points at `fast`, `slow` m along the edges and `depth` m along the normal."""
    at_depth = panel.origin + depth * panel.normal
    x = fast * panel.fast[0] + slow * panel.slow[0] + at_depth[0]
    y = fast * panel.fast[1] + slow * panel.slow[1] + at_depth[1]
    z = fast * panel.fast[2] + slow * panel.slow[2] + at_depth[2]
    return x, y, z


def bent(
    panel: Panel, beam: "Tensor", point: "tuple[Tensor, Tensor, Tensor]"
) -> "tuple[Tensor, Tensor, Tensor]":
    """A curved detector: distance x beam turned about slow by y/distance, then about fast by z/distance.

    y and z are those of the flat position in the lab, which is meaningful in the MOSFLM convention only.
    """
    distance = panel.distance
    centre = (distance * beam)[:, None]
    about_slow = about_axis(panel.slow, point[1] / distance)
    about_fast = about_axis(panel.fast, point[2] / distance)
    moved = (about_fast @ (about_slow @ centre))[..., 0]
    return moved[..., 0], moved[..., 1], moved[..., 2]

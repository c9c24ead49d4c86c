"""Mosaic blocks and random orientations: rotations drawn over a spherical cap."""

from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.config.checks import Scalar
from simulator.geometry.arrays import scalar
from simulator.geometry.rotation import about_axis, euler_angles
from simulator.physics.chance import CapDraw, Generator, draw_cap
from simulator.units import RADIAN

if TYPE_CHECKING:
    from torch import Tensor

FULL_SPHERE = 90.0
"""The reference's spread for a random orientation, radians: its 90 was meant as degrees."""


def _angles(draws: list[CapDraw], spread_deg: Scalar, xp: Any) -> "Tensor":
    """spread x fraction for each draw, in radians.

    A plain number is rounded to float32 on the way, as the reference does; a tensor keeps its own digits,
    because rounding would make the image a staircase in the spread.
    """
    if hasattr(spread_deg, "detach"):
        fractions = xp.asarray([float(draw.fraction) for draw in draws], dtype=xp.float64)
        spread: Tensor = scalar(spread_deg, xp) * RADIAN * fractions
        return spread
    width = np.float32(spread_deg * RADIAN)
    angles: Tensor = xp.asarray([float(width * draw.fraction) for draw in draws], dtype=xp.float64)
    return angles


def mosaic_rotations(spread_deg: Scalar, domains: int, seed: int, xp: Any) -> "Tensor":
    """Draw the rotation of each mosaic block, [domains, 3, 3].

    Block 0 is not turned, though its three numbers are drawn. `seed` is negative, as the generator starts.
    """
    generator = Generator(seed)
    draws = [draw_cap(generator) for _ in range(domains)]
    turned = draws[1:]
    axes = xp.asarray([draw.axis for draw in turned], dtype=xp.float64).reshape(-1, 3)
    rotations = about_axis(axes, _angles(turned, spread_deg, xp))
    still = xp.eye(3, dtype=xp.float64)[None]
    blocks: Tensor = xp.concatenate((still, rotations))
    return blocks


def random_misset(seed: int, xp: Any) -> "Tensor":
    """The [3] misset angles, in radians, of the reference's random orientation for a (negative) seed."""
    draw = draw_cap(Generator(seed))
    angle = scalar(float(np.float32(FULL_SPHERE) * draw.fraction), xp)
    return euler_angles(about_axis(xp.asarray(draw.axis, dtype=xp.float64), angle))

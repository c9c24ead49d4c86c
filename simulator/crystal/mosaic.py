"""Mosaic blocks and random orientations: rotations drawn over a spherical cap."""

from typing import TYPE_CHECKING, Any

from simulator.config.checks import Scalar, Vector
from simulator.geometry.arrays import scalar, stacked
from simulator.geometry.rotation import about_axis, by_vector, euler_angles
from simulator.physics.chance import CapDraw, Generator, draw_cap, float32
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
        fractions = xp.asarray([draw.fraction for draw in draws], dtype=xp.float64)
        spread: Tensor = scalar(spread_deg, xp) * RADIAN * fractions
        return spread
    width = float32(spread_deg * RADIAN)
    angles: Tensor = xp.asarray([float32(width * draw.fraction) for draw in draws], dtype=xp.float64)
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


def anisotropic_rotations(spreads_deg: Vector, axes: "Tensor", domains: int, seed: int, xp: Any) -> "Tensor":
    """Rotations of mosaic blocks whose spread differs about three axes, [domains, 3, 3].

    Block k turns by the vector fraction_k x (s_1 u_k1, s_2 u_k2, s_3 u_k3) in the frame of `axes`: u_k and
    fraction_k are the axis and the part of the spread that `mosaic_rotations` draws. So three equal spreads
    turn each block as far as one does.

    axes   [3, 3] rows: orthonormal vectors in the lab
    """
    generator = Generator(seed)
    draws = [draw_cap(generator) for _ in range(domains)]
    # As above: block 0 is not turned.
    parts = [[0.0, 0.0, 0.0]]
    parts += [[component * draw.fraction for component in draw.axis] for draw in draws[1:]]
    drawn = xp.asarray(parts, dtype=xp.float64)
    spreads = stacked(spreads_deg, xp) * RADIAN
    return by_vector((drawn * spreads) @ axes)


def random_misset(seed: int, xp: Any) -> "Tensor":
    """The [3] misset angles, in radians, of the reference's random orientation for a (negative) seed."""
    draw = draw_cap(Generator(seed))
    angle = scalar(float32(FULL_SPHERE * draw.fraction), xp)
    return euler_angles(about_axis(xp.asarray(draw.axis, dtype=xp.float64), angle))

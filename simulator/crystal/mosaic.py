"""Mosaic blocks and random orientations: rotations drawn over a spherical cap."""

import numpy as np
import torch
from torch import Tensor

from simulator.config.checks import Scalar
from simulator.geometry.rotation import about_axis, euler_angles
from simulator.physics.chance import CapDraw, Generator, draw_cap
from simulator.units import RADIAN

FULL_SPHERE = 90.0
"""The reference's spread for a random orientation: 90, taken as radians."""


def cap_rotation(draw: CapDraw, angle: Tensor) -> Tensor:
    """[3, 3] rotation about the drawn axis."""
    return about_axis(torch.tensor(draw.axis, dtype=angle.dtype, device=angle.device), angle)


def _angle(draw: CapDraw, spread_deg: Scalar, device: torch.device) -> Tensor:
    """spread x fraction, in radians.

    A plain number is rounded to float32 on the way, as the reference does; a tensor keeps its own digits,
    because
    rounding would make the image a staircase in the spread.
    """
    if isinstance(spread_deg, Tensor):
        return spread_deg.to(device, torch.float64) * RADIAN * float(draw.fraction)
    angle = np.float32(spread_deg * RADIAN) * draw.fraction
    return torch.tensor(float(angle), dtype=torch.float64, device=device)


def mosaic_rotations(spread_deg: Scalar, domains: int, seed: int, device: torch.device) -> Tensor:
    """[domains, 3, 3]. Block 0 is not turned, though its three numbers are drawn."""
    generator = Generator(seed)
    draws = [draw_cap(generator) for _ in range(domains)]
    turned = [cap_rotation(draw, _angle(draw, spread_deg, device)) for draw in draws[1:]]
    return torch.stack([torch.eye(3, dtype=torch.float64, device=device), *turned])


def random_misset(seed: int) -> Tensor:
    """The [3] misset angles, in radians, of the reference's random orientation for a (negative) seed."""
    draw = draw_cap(Generator(seed))
    angle = torch.tensor(float(np.float32(FULL_SPHERE) * draw.fraction), dtype=torch.float64)
    return euler_angles(cap_rotation(draw, angle))

"""Lattice factors: what N_a x N_b x N_c cells do to the intensity around each reciprocal lattice point.

Every function takes the fractional offsets d = h - nearest integer (in -1/2 ... 1/2) and returns the *square*
of the factor. The reduction before the sine is what keeps Bragg points exact: sin(pi N h)/sin(pi h) has the
period 1 up to a sign, and its square has it exactly. All are smooth in d, and in N, at d = 0.
"""

import math

import torch
from torch import Tensor

from simulator.physics.polynomial import POLYNOMIAL_LIMIT, interference_coefficients

ROUND_VOLUME = 0.723601254558268
"""The reference program's share of Na Nb Nc that an ellipsoidal crystal holds."""

TOPHAT_RADIUS = 0.3969
"""0.63^2: the reference program's limit of rho, 1/Angstrom^2, within which a flat spot scatters."""

GAUSS_RADIUS = 0.63
"""The reference program's width of a Gaussian spot in rho, 1/Angstrom^2."""


def sinc(angle: Tensor) -> Tensor:
    """sin(x)/x, smooth at 0 to every order that a gradient of a gradient asks for."""
    square = angle * angle
    # Where x^2 < 0.01 the first term left out, x^12/13!, is below 2e-22 of the value.
    near = square < 1e-2
    series = 1 - square / 6 * (1 - square / 20 * (1 - square / 42 * (1 - square / 72 * (1 - square / 110))))
    safe = torch.where(near, torch.ones_like(angle), angle)
    return torch.where(near, series, torch.sin(safe) / safe)


def interference(offset: Tensor, cells: Tensor, whole: int | None) -> Tensor:
    """sin^2(pi N d) / sin^2(pi d); N^2 at d = 0. `whole` is N where it is a fixed whole number, else None."""
    if whole is not None and whole <= POLYNOMIAL_LIMIT:
        t = torch.sin(math.pi * offset) ** 2
        coefficients = interference_coefficients(whole)
        # Horner's scheme in t = sin^2(pi d), from the highest power down.
        value = torch.full_like(t, coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
            value = value * t + coefficient
        return value * value * (1 - t) if whole % 2 == 0 else value * value
    angle = math.pi * offset
    return (cells * sinc(cells * angle) / sinc(angle)) ** 2


def square_factor(offsets: Tensor, cells: Tensor, whole: tuple[int | None, ...]) -> Tensor:
    """Parallelepiped crystal: the product of three interference functions over axes with N > 1.

    offsets [3, ...]; cells [3].
    """
    value: Tensor | None = None
    for axis in range(3):
        if whole[axis] == 1:
            continue
        factor = interference(offsets[axis], cells[axis], whole[axis])
        value = factor if value is None else value * factor
    return torch.ones_like(offsets[0]) if value is None else value


def ball(square: Tensor) -> Tensor:
    """3 (sin u/u - cos u)/u^2 as a function of u^2; 1 at u = 0."""
    # Up to u = 1/2 the difference of sine and cosine loses digits, and the series has them all.
    near = square < 0.25
    small = torch.where(near, square, torch.zeros_like(square))
    series = 1 - small / 10 * (
        1 - small / 28 * (1 - small / 54 * (1 - small / 88 * (1 - small / 130 * (1 - small / 180))))
    )
    u = torch.sqrt(torch.where(near, torch.ones_like(square), square))
    return torch.where(near, series, 3 * (torch.sin(u) / u - torch.cos(u)) / (u * u))


def round_factor(offsets: Tensor, cells: Tensor, fudge: Tensor) -> Tensor:
    """Ellipsoidal crystal: N 0.7236 ball(u), u = pi sqrt(fudge sum (N_j d_j)^2)."""
    scaled = offsets * cells.reshape(3, *[1] * (offsets.dim() - 1))
    square = math.pi**2 * fudge * (scaled * scaled).sum(0)
    return (cells.prod() * ROUND_VOLUME * ball(square)) ** 2


def reciprocal_radius(offsets: Tensor, cells: Tensor, reciprocal: Tensor) -> Tensor:
    """N^2 |d_h a* + d_k b* + d_l c*|^2 with N = Na Nb Nc, 1/Angstrom^2 (N as a whole, not per axis)."""
    h, k, last = offsets[0], offsets[1], offsets[2]
    x = h * reciprocal[0, 0] + k * reciprocal[1, 0] + last * reciprocal[2, 0]
    y = h * reciprocal[0, 1] + k * reciprocal[1, 1] + last * reciprocal[2, 1]
    z = h * reciprocal[0, 2] + k * reciprocal[1, 2] + last * reciprocal[2, 2]
    return cells.prod() ** 2 * (x * x + y * y + z * z)


def gauss_factor(offsets: Tensor, cells: Tensor, reciprocal: Tensor, fudge: Tensor) -> Tensor:
    """Gaussian spots: N exp(-fudge rho / 0.63)."""
    return gauss_amplitude(offsets, cells, reciprocal, fudge) ** 2


def gauss_amplitude(offsets: Tensor, cells: Tensor, reciprocal: Tensor, fudge: Tensor) -> Tensor:
    """The factor of Gaussian spots itself: its square is 0 long before it is."""
    radius = reciprocal_radius(offsets, cells, reciprocal)
    return cells.prod() * torch.exp(-fudge * radius / GAUSS_RADIUS)


def tophat_factor(offsets: Tensor, cells: Tensor, reciprocal: Tensor, fudge: Tensor) -> Tensor:
    """Flat spots with a sharp edge: N where fudge rho < 0.3969, else 0."""
    inside = fudge * reciprocal_radius(offsets, cells, reciprocal) < TOPHAT_RADIUS
    return torch.where(inside, cells.prod() ** 2, torch.zeros_like(offsets[0]))

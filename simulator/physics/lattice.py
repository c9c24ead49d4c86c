"""Lattice factors: what N_a x N_b x N_c cells do to the intensity around each reciprocal lattice point.

Every function takes the fractional offsets d = h - nearest integer (in -1/2 ... 1/2) and returns the *square*
of the factor. The reduction before the sine is what keeps Bragg points exact: sin(pi N h)/sin(pi h) has the
period 1 up to a sign, and its square has it exactly. All are smooth in d, and in N, at d = 0.

Shapes throughout: `offsets` [3, ...] holds d along h, k, l for any number of samples; `cells` [3] the numbers
of unit cells along a, b, c; a factor has the shape [...] of the samples, and no unit.
"""

import math
from collections.abc import Sequence

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
    # 1 - x^2/3! + x^4/5! - ..., nested: each divisor is that of the term over the one before, 2n (2n + 1).
    series = 1 - square / 6 * (1 - square / 20 * (1 - square / 42 * (1 - square / 72 * (1 - square / 110))))
    safe = torch.where(near, torch.ones_like(angle), angle)
    return torch.where(near, series, torch.sin(safe) / safe)


def interference(offset: Tensor, cells: Tensor, whole: int | None) -> Tensor:
    """sin^2(pi N d) / sin^2(pi d) of one axis; N^2 at d = 0. Von Laue's interference function.

    offset [...] d; cells [] N; `whole` is N where it is a fixed whole number, else None. Few whole cells make
    a polynomial in t = sin^2(pi d): p(t)^2 for odd N, and p(t)^2 cos^2(pi d) for even N. Axes of as many
    whole cells may come together, as a further dimension of `offset`.
    """
    angle = math.pi * offset
    if whole is None or whole > POLYNOMIAL_LIMIT:
        ratio = cells * sinc(cells * angle) / sinc(angle)
        return ratio**2
    sine_square = torch.sin(angle) ** 2
    polynomial = _horner(interference_coefficients(whole), sine_square)
    if whole % 2 == 0:
        cosine_square = 1 - sine_square
        return polynomial * polynomial * cosine_square
    return polynomial * polynomial


def _horner(coefficients: Sequence[float], at: Tensor) -> Tensor:
    """The polynomial with these coefficients, lowest first, from the highest power down."""
    *lower, highest = coefficients
    if not lower:
        return torch.full_like(at, highest)
    value = at * highest + lower.pop()
    for coefficient in reversed(lower):
        # coefficient + value * at, in one pass over the samples
        value = torch.addcmul(at.new_tensor(coefficient), value, at)
    return value


def square_factor(offsets: Tensor, cells: Tensor, whole: tuple[int | None, ...]) -> Tensor:
    """Parallelepiped crystal: the product of three interference functions over axes with N > 1."""
    if whole[0] is not None and whole[0] == whole[1] == whole[2] != 1:
        # The same polynomial on every axis: one operation serves all three.
        of_h, of_k, of_l = interference(offsets, cells[0], whole[0]).unbind()
        return of_h * of_k * of_l
    value: Tensor | None = None
    for axis in range(3):
        if whole[axis] == 1:
            continue
        factor = interference(offsets[axis], cells[axis], whole[axis])
        value = factor if value is None else value * factor
    return torch.ones_like(offsets[0]) if value is None else value


def ball(square: Tensor) -> Tensor:
    """3 (sin u/u - cos u)/u^2 as a function of u^2; 1 at u = 0.

    The Fourier transform of a ball of radius 1 at u, over its volume (Rayleigh's form factor).
    """
    # Up to u = 1/2 the difference of sine and cosine loses digits, and the series has them all.
    near = square < 0.25
    small = torch.where(near, square, torch.zeros_like(square))
    # 1 - u^2/10 + u^4/280 - ..., nested: each divisor is that of the term over the one before, 2n (2n + 3).
    series = 1 - small / 10 * (
        1 - small / 28 * (1 - small / 54 * (1 - small / 88 * (1 - small / 130 * (1 - small / 180))))
    )
    u = torch.sqrt(torch.where(near, torch.ones_like(square), square))
    closed = 3 * (torch.sin(u) / u - torch.cos(u)) / (u * u)
    return torch.where(near, series, closed)


def round_factor(offsets: Tensor, cells: Tensor, fudge: Tensor) -> Tensor:
    """Ellipsoidal crystal: N 0.7236 ball(u), u = pi sqrt(fudge sum (N_j d_j)^2).

    N = Na Nb Nc. The share 0.7236 and the fudge factor are the reference program's own.
    """
    scaled = offsets * cells.reshape(3, *[1] * (offsets.dim() - 1))
    square = math.pi**2 * fudge * (scaled * scaled).sum(0)
    return (cells.prod() * ROUND_VOLUME * ball(square)) ** 2


def reciprocal_radius(offsets: Tensor, cells: Tensor, reciprocal: Tensor) -> Tensor:
    """rho = N^2 |d_h a* + d_k b* + d_l c*|^2 with N = Na Nb Nc, 1/Angstrom^2 (N as a whole, not per axis).

    reciprocal [3, 3] rows a*, b*, c*, 1/Angstrom. The square of N is the reference program's own.
    """
    d_h, d_k, d_l = offsets[0], offsets[1], offsets[2]
    a_star, b_star, c_star = reciprocal[0], reciprocal[1], reciprocal[2]
    # The vector from the nearest reciprocal lattice point, component by component: x, y, z.
    x, y, z = (d_h * a_star[axis] + d_k * b_star[axis] + d_l * c_star[axis] for axis in range(3))
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

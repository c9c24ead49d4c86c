"""Structure factors at a point of reciprocal space: the nearest entry of a table, or a tricubic."""

import torch
from torch import Tensor

from simulator.physics.table import Table

NEIGHBOURS = 4
"""Entries along each axis that a tricubic uses: floor - 1 ... floor + 2."""


def nearest_index(indices: Tensor) -> Tensor:
    """ceil(x - 1/2): halves go down."""
    return torch.ceil(indices - 0.5)


def nearest(table: Table, whole: Tensor) -> Tensor:
    """The entries at whole-number indices [3, ...], the default outside the table. Electrons."""
    inside = torch.ones_like(whole[0], dtype=torch.bool)
    spots = []
    for axis in range(3):
        size = table.values.shape[axis]
        spot = whole[axis].long() - table.lowest[axis]
        inside &= (spot >= 0) & (spot < size)
        # Clamped, so that points outside may be looked up too; `inside` drops what is found there.
        spots.append(spot.clamp(0, size - 1))
    return torch.where(inside, table.values[spots[0], spots[1], spots[2]], table.default)


def reachable(table: Table, indices: Tensor) -> Tensor:
    """Where four neighbours exist on every axis: lowest + 2 <= x <= highest - 2."""
    good = torch.ones_like(indices[0], dtype=torch.bool)
    for axis in range(3):
        above = indices[axis] >= table.lowest[axis] + 2
        below = indices[axis] <= table.highest[axis] - 2
        good &= above & below
    return good


def lagrange(fraction: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights of the entries at -1, 0, 1, 2 in the cubic through all four, at x = `fraction` in 0 ... 1.

    The weight of entry i is the product over the others j of (x - j)/(i - j): Lagrange's interpolation.
    """
    x = fraction
    return (
        -x * (x - 1) * (x - 2) / 6,
        (x + 1) * (x - 1) * (x - 2) / 2,
        -(x + 1) * x * (x - 2) / 2,
        (x + 1) * x * (x - 1) / 6,
    )


def tricubic(table: Table, indices: Tensor) -> Tensor:
    """Interpolate by 4-point Lagrange polynomials along h, k and l; only where `reachable`. Electrons.

    indices [3, ...] fractional h, k, l. With f = floor and w the weights of `lagrange` on each axis,

        F(h, k, l) = sum over i, j, n of w_i(h) w_j(k) w_n(l) F[f_h - 1 + i, f_k - 1 + j, f_l - 1 + n].
    """
    floor = torch.floor(indices)
    h_weights, k_weights, l_weights = (lagrange(indices[axis] - floor[axis]) for axis in range(3))
    h_places, k_places, l_places = (_neighbours(table, floor[axis], axis) for axis in range(3))
    total = torch.zeros_like(indices[0])
    for h_weight, h in zip(h_weights, h_places, strict=True):
        for k_weight, k in zip(k_weights, k_places, strict=True):
            along_l = torch.zeros_like(total)
            for l_weight, last in zip(l_weights, l_places, strict=True):
                along_l = along_l + l_weight * table.values[h, k, last]
            total = total + h_weight * k_weight * along_l
    return total


def _neighbours(table: Table, floor: Tensor, axis: int) -> list[Tensor]:
    """The places in the table, along one axis, of the entries at floor - 1 ... floor + 2."""
    size = table.values.shape[axis]
    start = floor.long() - 1 - table.lowest[axis]
    # Clamped, so that unreachable points may be looked up too; callers drop what is found there.
    return [(start + step).clamp(0, size - 1) for step in range(NEIGHBOURS)]

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

    The weight of entry i is the product over the others j of (x - j)/(i - j).
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

    indices [3, ...]; the entries are those at floor - 1 ... floor + 2 on each axis.
    """
    floor = torch.floor(indices)
    weights = [lagrange(indices[axis] - floor[axis]) for axis in range(3)]
    spots = []
    for axis in range(3):
        size = table.values.shape[axis]
        start = floor[axis].long() - 1 - table.lowest[axis]
        # Clamped, so that unreachable points may be looked up too; callers drop what is found there.
        spots.append([(start + n).clamp(0, size - 1) for n in range(NEIGHBOURS)])
    total = torch.zeros_like(indices[0])
    for i in range(NEIGHBOURS):
        for j in range(NEIGHBOURS):
            line = torch.zeros_like(indices[0])
            for n in range(NEIGHBOURS):
                line = line + weights[2][n] * table.values[spots[0][i], spots[1][j], spots[2][n]]
            total = total + weights[0][i] * weights[1][j] * line
    return total

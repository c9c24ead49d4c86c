"""Structure factors at a point of reciprocal space: the nearest table entry, or a tricubic through its
neighbours."""

import torch
from torch import Tensor

from simulator.physics.table import Table


def nearest_index(indices: Tensor) -> Tensor:
    """ceil(x - 1/2): halves go down."""
    return torch.ceil(indices - 0.5)


def nearest(table: Table, whole: Tensor) -> Tensor:
    """The entries at whole-number indices [3, ...], the default outside the table."""
    spot = [whole[axis].long() - table.lowest[axis] for axis in range(3)]
    inside = torch.ones_like(spot[0], dtype=torch.bool)
    for axis in range(3):
        inside &= (spot[axis] >= 0) & (spot[axis] < table.values.shape[axis])
    h, k, last = (spot[axis].clamp(0, table.values.shape[axis] - 1) for axis in range(3))
    return torch.where(inside, table.values[h, k, last], table.default)


def reachable(table: Table, indices: Tensor) -> Tensor:
    """Where four neighbours exist on every axis: lowest + 2 <= x <= highest - 2."""
    good = torch.ones_like(indices[0], dtype=torch.bool)
    for axis in range(3):
        good &= (indices[axis] >= table.lowest[axis] + 2) & (indices[axis] <= table.highest[axis] - 2)
    return good


def lagrange(fraction: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights of the samples at -1, 0, 1, 2 for a point at `fraction` in 0 ... 1: the cubic through all
    four."""
    x = fraction
    return (
        -x * (x - 1) * (x - 2) / 6,
        (x + 1) * (x - 1) * (x - 2) / 2,
        -(x + 1) * x * (x - 2) / 2,
        (x + 1) * x * (x - 1) / 6,
    )


def tricubic(table: Table, indices: Tensor) -> Tensor:
    """Tensor-product 4-point Lagrange interpolation over floor - 1 ... floor + 2; only where `reachable`."""
    floor = torch.floor(indices)
    weights = [lagrange(indices[axis] - floor[axis]) for axis in range(3)]
    spots = []
    for axis in range(3):
        start = floor[axis].long() - 1 - table.lowest[axis]
        spots.append([(start + n).clamp(0, table.values.shape[axis] - 1) for n in range(4)])
    total = torch.zeros_like(indices[0])
    for i in range(4):
        for j in range(4):
            line = sum(weights[2][n] * table.values[spots[0][i], spots[1][j], spots[2][n]] for n in range(4))
            total = total + weights[0][i] * weights[1][j] * line
    return total

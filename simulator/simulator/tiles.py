"""How an image is cut: blocks of pixels small enough that memory follows the block, not the steps."""

from collections.abc import Iterator

import torch
from torch import Tensor

from simulator.simulator.scene import Plan

TILE_PIXELS = 1 << 15
"""Pixels of one block. Some forty float64 planes of this size live at once in the plain renderer: 10 MiB."""


def blocks(plan: Plan, size: int = TILE_PIXELS) -> Iterator[tuple[int, int]]:
    """(first, end) of consecutive rows; at least one row each."""
    rows = max(1, size // len(plan.columns))
    for start in range(plan.rows.start, plan.rows.stop, rows):
        yield start, min(start + rows, plan.rows.stop)


def pixel_numbers(plan: Plan, first: int, end: int, device: torch.device) -> Tensor:
    """Row-major numbers of the pixels in rows first ... end - 1 within the region of interest, [P]."""
    rows = torch.arange(first, end, device=device)
    columns = torch.arange(plan.columns.start, plan.columns.stop, device=device)
    return (rows[:, None] * plan.fpixels + columns[None, :]).reshape(-1)

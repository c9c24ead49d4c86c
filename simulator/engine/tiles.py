"""Cut an image into blocks of pixels, small enough that memory follows the block and not the steps."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor

from simulator.scene.scene import Plan

TILE_PIXELS = 1 << 14
"""Pixels of one block on a CPU. Some forty float64 planes of it live at once, so they stay in the cache."""

LIVE_SAMPLES = 1 << 19
"""Samples whose graph is kept at once in a backward pass: pixels x steps, each some forty float64 numbers."""

TILE_PIXELS_ELSEWHERE = 1 << 20
"""Pixels of one block on a GPU, where starting an operation takes longer than its work on few pixels."""

MORE_ON_A_GPU = 16
"""How many times as many samples keep their graph at once on a GPU, whose operations want larger arrays."""

REUSED_BYTES = 1 << 24
"""Above the size of any plane of a tile, and below the 32 MiB from which glibc no longer learns."""


def let_memory_be_reused() -> None:
    """Have what one tile frees serve the next one, instead of going back to the system each time.

    glibc maps every block above 128 KiB, which a plane of a tile is, and returns it when it is freed, until a
    larger block has been freed once: without one, a first image spends a third of its time on page faults.
    """
    torch.empty(REUSED_BYTES, dtype=torch.uint8)


def tile_pixels(device: torch.device) -> int:
    """The size of a block on this device."""
    return TILE_PIXELS if device.type == "cpu" else TILE_PIXELS_ELSEWHERE


@contextlib.contextmanager
def one_thread(device: torch.device) -> Iterator[None]:
    """Let torch use one thread on a CPU within this context.

    The operations are small: waking a second thread for each costs more than it saves, and a hundred times
    more on a machine whose cores are shared.
    """
    before = torch.get_num_threads()
    if device.type != "cpu" or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def blocks(plan: Plan, size: int) -> Iterator[tuple[int, int]]:
    """(first, end) of consecutive blocks of rows, `size` pixels or one row each."""
    rows = max(1, size // len(plan.columns))
    for start in range(plan.rows.start, plan.rows.stop, rows):
        yield start, min(start + rows, plan.rows.stop)


def live_samples(device: torch.device) -> int:
    """Samples of one piece of a backward pass on this device."""
    return LIVE_SAMPLES if device.type == "cpu" else MORE_ON_A_GPU * LIVE_SAMPLES


def samples_at_once(device: torch.device, steps: int, *, gradients: bool) -> int:
    """Samples whose numbers live together on the plain path, for pixels of `steps` samples each."""
    pixels = tile_pixels(device)
    if not gradients:
        return pixels
    # A backward pass takes whole pixels: at least one, at most a tile of them.
    return max(steps, min(pixels * steps, live_samples(device)))


def pieces(plan: Plan, size: int, device: torch.device) -> Iterator[Tensor]:
    """All pixels of the region of interest, `size` numbers at a time: pieces may end within a row."""
    width = len(plan.columns)
    count = len(plan.rows) * width
    for start in range(0, count, size):
        spot = torch.arange(start, min(start + size, count), device=device)
        row = torch.div(spot, width, rounding_mode="floor") + plan.rows.start
        column = spot % width + plan.columns.start
        yield row * plan.fpixels + column


def pixel_numbers(plan: Plan, first: int, end: int, device: torch.device) -> Tensor:
    """Row-major numbers of the pixels in rows first ... end - 1 within the region of interest, [P]."""
    rows = torch.arange(first, end, device=device)
    columns = torch.arange(plan.columns.start, plan.columns.stop, device=device)
    return (rows[:, None] * plan.fpixels + columns[None, :]).reshape(-1)

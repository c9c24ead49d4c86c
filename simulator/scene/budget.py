"""Estimate the memory that an image takes, before it is taken."""

import math
import os

from simulator.config import SimulatorError
from simulator.scene.scene import Scene

PLANES = 48
"""Arrays of a tile's size that live at once in the plain renderer, with its graph; found by measurement."""

IMAGES_FORWARD = 2
"""The image, and a converted copy of it."""

IMAGES_WITH_GRADIENTS = 4
"""Besides, the gradient of the image, and a copy of that."""

MIB = 1 << 20
"""Bytes in a MiB."""


def needed_bytes(scene: Scene, *, gradients: bool, tile: int = 0, threads: int = 1, images: int = 1) -> int:
    """Bytes of the image (and its gradient), the table, the orientations, and one tile of `tile` samples.

    `images` of a batch live at once. The kernel needs no tile. Independent of the number of steps.
    """
    tensors, plan = scene.tensors, scene.plan
    number = tensors.pixel.itemsize
    pixels = images * plan.spixels * plan.fpixels * number
    arrays = pixels * (IMAGES_WITH_GRADIENTS if gradients else IMAGES_FORWARD)
    # The kernel reads squares of the table beside the table itself.
    tables = 2 * math.prod(tensors.table.shape) * number
    # Each thread sums gradients of the lattice vectors in float64.
    orientations = images * math.prod(tensors.real.shape) * (number + 8 * threads)
    planes = PLANES * tile * number
    return arrays + tables + orientations + planes


def available_bytes() -> int | None:
    """Free memory of this machine or container in bytes; None where it cannot be told."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                # Counts what the system would give back from its caches too; in KiB.
                if line.startswith("MemAvailable:"):
                    free = int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return None
    return free


def check_budget(
    scene: Scene, *, gradients: bool, tile: int = 0, images: int = 1, limit: int | None = None
) -> None:
    """Raise a SimulatorError where the image cannot fit: the size, what there is, and what to change.

    `limit` in bytes, None for the memory that is free.
    """
    allowed = available_bytes() if limit is None else limit
    needed = needed_bytes(scene, gradients=gradients, tile=tile, images=images)
    if allowed is None or needed <= allowed:
        return
    plan = scene.plan
    how = "with" if gradients else "without"
    what = "an image" if images == 1 else f"a batch of {images} images"
    raise SimulatorError(
        f"{what} of {plan.spixels} x {plan.fpixels} px {how} gradients takes {needed / MIB:.0f} MiB, "
        f"{allowed / MIB:.0f} MiB are free: use fewer pixels, a region of interest, or float32"
    )

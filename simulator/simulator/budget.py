"""What an image will take in memory, said before it is taken."""

import math
import os

from simulator.config import SimulatorError
from simulator.simulator.scene import Scene

PLANES = 48
"""Planes of a tile that live at once in the plain renderer, with its graph."""

MIB = 1 << 20


def needed_bytes(scene: Scene, *, gradients: bool, tile: int = 0, threads: int = 1) -> int:
    """Image (and its gradient), table, orientations, and one tile of `tile` samples (the kernel needs none).

    Independent of the number of steps.
    """
    tensors, plan = scene.tensors, scene.plan
    size = tensors.pixel.itemsize
    image = plan.spixels * plan.fpixels * size
    orientations = math.prod(tensors.real.shape) * (size + 8 * threads)
    planes = PLANES * tile * size
    return image * (4 if gradients else 2) + math.prod(tensors.table.shape) * size * 2 + orientations + planes


def available_bytes() -> int | None:
    """Free memory of this machine or container; None where it cannot be told."""
    try:
        total = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    total = int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return None
    return total


def check_budget(scene: Scene, *, gradients: bool, tile: int = 0, limit: int | None = None) -> None:
    """A SimulatorError where the image cannot fit: the size, what there is, and what to change."""
    allowed = available_bytes() if limit is None else limit
    needed = needed_bytes(scene, gradients=gradients, tile=tile)
    if allowed is not None and needed > allowed:
        plan = scene.plan
        how = "with" if gradients else "without"
        raise SimulatorError(
            f"an image of {plan.spixels} x {plan.fpixels} px {how} gradients takes {needed / MIB:.0f} MiB, "
            f"{allowed / MIB:.0f} MiB are free: use fewer pixels, a region of interest, or float32"
        )

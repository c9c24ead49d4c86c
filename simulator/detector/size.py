"""How many pixels fit across a detector."""

import math

from simulator.config import SimulatorError

MOST_PIXELS = 10**6


def pixels_across(size_mm: float, pixel_mm: float) -> int:
    """ceil(size / pixel - 1/2)."""
    if not (size_mm > 0 and pixel_mm > 0):
        raise SimulatorError(f"a detector of {size_mm:g} mm with pixels of {pixel_mm:g} mm has no pixels")
    if size_mm / pixel_mm > MOST_PIXELS:
        count = f"{size_mm / pixel_mm:.10g}"
        raise SimulatorError(
            f"{size_mm:g} mm in pixels of {pixel_mm:g} mm makes {count} pixels along one edge"
        )
    return max(math.ceil(size_mm / pixel_mm - 0.5), 1)

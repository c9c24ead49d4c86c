"""The number of pixels across a detector."""

import math

from simulator.config import SimulatorError

MOST_PIXELS = 10**6
"""Pixels along an edge beyond which the sizes given are taken for a typing error."""


def pixels_across(size_mm: float, pixel_mm: float) -> int:
    """ceil(size / pixel - 1/2), at least 1."""
    if not (size_mm > 0 and pixel_mm > 0):
        raise SimulatorError(f"a detector of {size_mm:g} mm with pixels of {pixel_mm:g} mm has no pixels")
    ratio = size_mm / pixel_mm
    if ratio > MOST_PIXELS:
        raise SimulatorError(
            f"{size_mm:g} mm in pixels of {pixel_mm:g} mm makes {ratio:.10g} pixels along one edge"
        )
    return max(math.ceil(ratio - 0.5), 1)

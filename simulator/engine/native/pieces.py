"""Divide an image into rows for calls into the library, each so short that a person can interrupt it."""

from collections.abc import Iterator
from dataclasses import dataclass

from simulator.scene.scene import Plan, Scene

STEPS_PER_CALL = 1 << 26
"""Samples x orientations in one call into the library: tenths of a second."""


@dataclass(frozen=True)
class Piece:
    """Rows `first` ... `end` - 1 of an image, as far as they lie in its region of interest."""

    plan: Plan
    first: int
    end: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.end - self.first, len(self.plan.columns)

    @property
    def span(self) -> tuple[int, int]:
        """Its first pixel, and the one behind its last; the library counts from the region's first pixel."""
        width = len(self.plan.columns)
        region = self.plan.rows.start
        return (self.first - region) * width, (self.end - region) * width

    @property
    def window(self) -> tuple[slice, slice]:
        """Where it lies in an image [slow, fast]."""
        columns = self.plan.columns
        return slice(self.first, self.end), slice(columns.start, columns.stop)


def rows_at_once(scene: Scene, images: int = 1) -> int:
    """Rows in one call, where each is computed for so many images."""
    pixel_steps = scene.steps * scene.plan.layers
    row_steps = pixel_steps * len(scene.plan.columns) * images
    return max(1, STEPS_PER_CALL // row_steps)


def pieces(scene: Scene, images: int = 1) -> Iterator[Piece]:
    """Cover the region of interest from its first row to its last, `rows_at_once` at a time."""
    rows = scene.plan.rows
    size = rows_at_once(scene, images)
    for first in range(rows.start, rows.stop, size):
        yield Piece(scene.plan, first, min(first + size, rows.stop))

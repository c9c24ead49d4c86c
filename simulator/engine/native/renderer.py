"""What a built library can do, and how many rows of pixels it is given at once."""

from collections.abc import Sequence
from typing import Protocol

from simulator.engine.native.library import Buffer, Packed
from simulator.scene.scene import Scene

STEPS_PER_CALL = 1 << 26
"""Samples x orientations in one call into the library: tenths of a second, so that it can be interrupted."""


class Renderer(Protocol):
    """The two functions of a built library that render and differentiate."""

    def image(self, batch: Sequence[Packed], *, out: Buffer, span: tuple[int, int], threads: int) -> None:
        """Fill `out` with photons."""

    def pullback(
        self,
        batch: Sequence[Packed],
        *,
        upstream: Buffer,
        span: tuple[int, int],
        threads: int,
        grad: Buffer,
    ) -> None:
        """Add the gradients by the lattice vectors to `grad`."""


def rows_at_once(scene: Scene, images: int = 1) -> int:
    """Rows in about a second of work, where each is computed for so many images."""
    steps = scene.steps * scene.plan.layers * len(scene.plan.columns) * images
    return max(1, STEPS_PER_CALL // steps)

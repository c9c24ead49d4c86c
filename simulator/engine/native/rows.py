"""Run the kernel on a scene of numpy arrays: rows of pixels, and the gradient by the lattice vectors."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.engine.native.library import Numbers, Packed
from simulator.engine.native.pack import pack
from simulator.geometry.arrays import as_numpy
from simulator.scene.scene import Scene

STEPS_PER_CALL = 1 << 26
"""Samples x orientations in one call into the library: tenths of a second, so that it can be interrupted."""


class Renderer(Protocol):
    """The two functions of a built library that this module calls."""

    def image(self, packed: Packed, *, out: Numbers, span: tuple[int, int], threads: int) -> None:
        """Fill `out` with photons."""

    def pullback(
        self, packed: Packed, *, upstream: Numbers, span: tuple[int, int], threads: int
    ) -> NDArray[np.float64]:
        """The gradient by the lattice vectors."""


class KernelRows:
    """Renders rows of scenes that the kernel takes; each scene is packed once for all blocks of one image."""

    name = "kernel"

    def __init__(self, library: Renderer, *, threads: int) -> None:
        self.library, self.threads = library, threads
        self._last: tuple[Scene, Packed] | None = None

    def _packed(self, scene: Scene) -> Packed:
        if self._last is None or self._last[0] is not scene:
            self._last = (scene, pack(scene))
        return self._last[1]

    def blank(self, scene: Scene) -> Numbers:
        """An image without photons."""
        return np.zeros((scene.plan.spixels, scene.plan.fpixels), as_numpy(scene.tensors.pixel).dtype)

    def piece_rows(self, scene: Scene) -> int:
        """Rows in about a second of work."""
        steps = scene.steps * scene.plan.layers * len(scene.plan.columns)
        return max(1, STEPS_PER_CALL // steps)

    def rows(self, scene: Scene, first: int, end: int, out: Numbers) -> None:
        """Fill `out` [end - first, columns] with photons."""
        plan = scene.plan
        start = plan.rows.start
        width = len(plan.columns)
        # The library writes whole rows one behind the other; a window of a wider image is filled by a copy.
        target = out if out.flags.c_contiguous else np.empty(out.shape, out.dtype)
        span = ((first - start) * width, (end - start) * width)
        self.library.image(self._packed(scene), out=target, span=span, threads=self.threads)
        if scene.mask is not None:
            target *= scene.mask[first:end, plan.columns.start : plan.columns.stop]
        if target is not out:
            out[...] = target

    def pull(self, scene: Scene, gradient: Numbers) -> NDArray[np.float64]:
        """[R, 3, 3]: d(sum gradient x image)/d(lattice vectors); `gradient` is [slow, fast]."""
        plan, width = scene.plan, len(scene.plan.columns)
        packed = self._packed(scene)
        dtype = as_numpy(scene.tensors.pixel).dtype
        upstream = gradient if scene.mask is None else gradient * scene.mask
        window = upstream[plan.rows.start : plan.rows.stop, plan.columns.start : plan.columns.stop]
        total = np.zeros(scene.tensors.real.shape)
        size = self.piece_rows(scene)
        for first in range(0, len(plan.rows), size):
            part = np.ascontiguousarray(window[first : first + size], dtype=dtype)
            span = (first * width, first * width + part.size)
            total += self.library.pullback(packed, upstream=part, span=span, threads=self.threads)
        return total

    def total(self, scene: Scene, gradient: Numbers) -> float:
        """sum(gradient x image), the image rendered again piece by piece."""
        plan = scene.plan
        dtype = as_numpy(scene.tensors.pixel).dtype
        total = 0.0
        size = self.piece_rows(scene)
        for first in range(plan.rows.start, plan.rows.stop, size):
            end = min(first + size, plan.rows.stop)
            image = np.empty((end - first, len(plan.columns)), dtype)
            self.rows(scene, first, end, image)
            part = gradient[first:end, plan.columns.start : plan.columns.stop]
            total += float((image * part).sum(dtype=np.float64))
        return total

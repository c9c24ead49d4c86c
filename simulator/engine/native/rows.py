"""Run the kernel on scenes of numpy arrays: rows of pixels, and the gradient by the lattice vectors."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.engine.native.library import Packed
from simulator.engine.native.pack import pack
from simulator.engine.native.renderer import Renderer, rows_at_once
from simulator.geometry.arrays import as_numpy
from simulator.scene.scene import Scene

Numbers: TypeAlias = NDArray[Any]


class KernelRows:
    """Renders rows of scenes that the kernel takes; each scene is packed once for all blocks of one image.

    The scenes of a batch have one plan and one mask; each call into the library renders rows of all of them.
    """

    name = "kernel"

    def __init__(self, library: Renderer, *, threads: int) -> None:
        self.library, self.threads = library, threads
        self._last: tuple[tuple[Scene, ...], list[Packed]] | None = None

    def _packed(self, scenes: Sequence[Scene]) -> list[Packed]:
        if self._last is None or not same_scenes(self._last[0], scenes):
            self._last = (tuple(scenes), pack(scenes))
        return self._last[1]

    def blank(self, scene: Scene) -> Numbers:
        """An image without photons."""
        return np.zeros((scene.plan.spixels, scene.plan.fpixels), as_numpy(scene.tensors.pixel).dtype)

    def piece_rows(self, scene: Scene, images: int = 1) -> int:
        """Rows in about a second of work, where each is computed for so many images."""
        return rows_at_once(scene, images)

    def _pieces(self, scenes: Sequence[Scene]) -> Iterator[tuple[int, int]]:
        """First and end row of each piece of about a second, from the first row of interest to the last."""
        rows = scenes[0].plan.rows
        size = self.piece_rows(scenes[0], len(scenes))
        for first in range(rows.start, rows.stop, size):
            yield first, min(first + size, rows.stop)

    def rows(self, scene: Scene, first: int, end: int, out: Numbers) -> None:
        """Fill `out` [end - first, columns] with photons."""
        self.batch_rows([scene], first, end, out[None])

    def batch_rows(self, scenes: Sequence[Scene], first: int, end: int, out: Numbers) -> None:
        """Fill `out` [image, end - first, columns] with photons."""
        plan, mask = scenes[0].plan, scenes[0].mask
        start = plan.rows.start
        width = len(plan.columns)
        # The library writes whole rows one behind the other; a window of a wider image is filled by a copy.
        target = out if out.flags.c_contiguous else np.empty(out.shape, out.dtype)
        span = ((first - start) * width, (end - start) * width)
        self.library.image(self._packed(scenes), out=target, span=span, threads=self.threads)
        if mask is not None:
            target *= mask[first:end, plan.columns.start : plan.columns.stop]
        if target is not out:
            out[...] = target

    def images(self, scenes: Sequence[Scene], out: Numbers) -> None:
        """Fill the region of interest of `out` [image, slow, fast] with photons."""
        columns = scenes[0].plan.columns
        for first, end in self._pieces(scenes):
            self.batch_rows(scenes, first, end, out[:, first:end, columns.start : columns.stop])

    def pull(self, scenes: Sequence[Scene], gradients: Numbers) -> NDArray[np.float64]:
        """[image, R, 3, 3]: d(sum gradient x image)/d(lattice vectors); `gradients` [image, slow, fast]."""
        plan, mask = scenes[0].plan, scenes[0].mask
        width = len(plan.columns)
        packed = self._packed(scenes)
        dtype = as_numpy(scenes[0].tensors.pixel).dtype
        upstream = gradients if mask is None else gradients * mask
        window = upstream[:, plan.rows.start : plan.rows.stop, plan.columns.start : plan.columns.stop]
        # Each thread sums for itself: [thread, image, R, 3, 3].
        sums = np.zeros((self.threads, len(scenes), *scenes[0].tensors.real.shape))
        for first, end in self._pieces(scenes):
            start, stop = first - plan.rows.start, end - plan.rows.start
            part = np.ascontiguousarray(window[:, start:stop], dtype=dtype)
            span = (start * width, stop * width)
            self.library.pullback(packed, upstream=part, span=span, threads=self.threads, grad=sums)
        total: NDArray[np.float64] = sums.sum(0)
        return total

    def totals(self, scenes: Sequence[Scene], gradients: Numbers) -> NDArray[np.float64]:
        """[image]: sum(gradient x image), the images rendered again piece by piece."""
        plan = scenes[0].plan
        dtype = as_numpy(scenes[0].tensors.pixel).dtype
        totals = np.zeros(len(scenes))
        for first, end in self._pieces(scenes):
            images = np.empty((len(scenes), end - first, len(plan.columns)), dtype)
            self.batch_rows(scenes, first, end, images)
            part = gradients[:, first:end, plan.columns.start : plan.columns.stop]
            totals += (images * part).sum(axis=(1, 2), dtype=np.float64)
        return totals


def same_scenes(kept: tuple[Scene, ...], scenes: Sequence[Scene]) -> bool:
    """Whether these are the very scenes that were kept."""
    return len(kept) == len(scenes) and all(a is b for a, b in zip(kept, scenes, strict=True))

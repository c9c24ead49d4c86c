"""Run the kernel on scenes of numpy arrays: rows of pixels, and the gradient by the lattice vectors."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.engine.native.library import Library, Packed
from simulator.engine.native.pack import pack
from simulator.engine.native.pieces import Piece, pieces, rows_at_once
from simulator.geometry.arrays import as_numpy
from simulator.scene.scene import Scene

Numbers: TypeAlias = NDArray[Any]


class KernelRows:
    """Renders rows of scenes that the kernel takes; each scene is packed once for all pieces of one image.

    The scenes of a batch have one plan and one mask; each call into the library renders rows of all of them.
    """

    name = "kernel"

    def __init__(self, library: Library, *, threads: int) -> None:
        self.library, self.threads = library, threads
        self._last: tuple[tuple[Scene, ...], list[Packed]] | None = None

    def _packed(self, scenes: Sequence[Scene]) -> list[Packed]:
        if self._last is None or not same_scenes(self._last[0], scenes):
            self._last = (tuple(scenes), pack(scenes))
        return self._last[1]

    def blank(self, scene: Scene) -> Numbers:
        """An image without photons."""
        return np.zeros((scene.plan.spixels, scene.plan.fpixels), _precision(scene))

    def piece_rows(self, scene: Scene) -> int:
        """Rows of one call into the library."""
        return rows_at_once(scene)

    def rows(self, scene: Scene, first: int, end: int, out: Numbers) -> None:
        """Fill `out` [end - first, columns] with photons."""
        self._fill([scene], Piece(scene.plan, first, end), out[None])

    def images(self, scenes: Sequence[Scene], out: Numbers) -> None:
        """Fill the region of interest of `out` [image, slow, fast] with photons."""
        for piece in pieces(scenes[0], len(scenes)):
            self._fill(scenes, piece, out[:, *piece.window])

    def _fill(self, scenes: Sequence[Scene], piece: Piece, out: Numbers) -> None:
        """Fill `out` [image, rows, columns] with the photons of a piece."""
        # The library writes whole rows one behind the other; a window of a wider image is filled by a copy.
        is_window = not out.flags.c_contiguous
        target = np.empty(out.shape, out.dtype) if is_window else out
        self.library.image(self._packed(scenes), out=target, span=piece.span, threads=self.threads)
        mask = scenes[0].mask
        if mask is not None:
            target *= mask[piece.window]
        if is_window:
            out[...] = target

    def pull(self, scenes: Sequence[Scene], gradients: Numbers) -> NDArray[np.float64]:
        """[image, R, 3, 3]: d(sum gradient x image)/d(lattice vectors); `gradients` [image, slow, fast]."""
        scene = scenes[0]
        packed = self._packed(scenes)
        upstream = gradients if scene.mask is None else gradients * scene.mask
        # Each thread sums for itself: [thread, image, R, 3, 3].
        sums = np.zeros((self.threads, len(scenes), *scene.tensors.real.shape))
        for piece in pieces(scene, len(scenes)):
            part = np.ascontiguousarray(upstream[:, *piece.window], dtype=_precision(scene))
            self.library.pullback(packed, upstream=part, span=piece.span, threads=self.threads, grad=sums)
        total: NDArray[np.float64] = sums.sum(0)
        return total

    def totals(self, scenes: Sequence[Scene], gradients: Numbers) -> NDArray[np.float64]:
        """[image]: sum(gradient x image), the images rendered again piece by piece."""
        totals = np.zeros(len(scenes))
        for piece in pieces(scenes[0], len(scenes)):
            images = np.empty((len(scenes), *piece.shape), _precision(scenes[0]))
            self._fill(scenes, piece, images)
            products = images * gradients[:, *piece.window]
            totals += products.sum(axis=(1, 2), dtype=np.float64)
        return totals


def same_scenes(kept: tuple[Scene, ...], scenes: Sequence[Scene]) -> bool:
    """Whether these are the very scenes that were kept."""
    return len(kept) == len(scenes) and all(a is b for a, b in zip(kept, scenes, strict=True))


def _precision(scene: Scene) -> np.dtype[Any]:
    """The type of the scene's numbers, and of the pixels that are computed of them."""
    precision: np.dtype[Any] = as_numpy(scene.tensors.pixel).dtype
    return precision

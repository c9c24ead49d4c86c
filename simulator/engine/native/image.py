"""An image in memory that the library fills and converts: that of a command without torch and numpy.

What each method gives, and by which formula, says `Photons` in io/images.py; the work is done in convert.c.
"""

import math
from collections.abc import Callable, Iterator
from ctypes import c_double, c_float, c_int64, c_uint8, c_uint16, sizeof
from functools import cached_property
from typing import TYPE_CHECKING, Any

from simulator.engine.native.library import Buffer, Library
from simulator.engine.native.pack import pack
from simulator.engine.native.pieces import Piece, pieces
from simulator.scene.scene import Plan, Scene

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK_PIXELS = 1 << 17
"""Pixels converted at once: half a megabyte of float32."""


class KernelImage:
    """Photons [slow, fast] as doubles, 0 outside the region of interest."""

    precision = "float64"

    def __init__(self, library: Library, plan: Plan) -> None:
        self.library, self.plan = library, plan
        self.memory = (c_double * (plan.spixels * plan.fpixels))()

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels along slow and fast."""
        return self.plan.spixels, self.plan.fpixels

    def render(self, scene: Scene, *, threads: int, progress: Callable[[int, int], None] | None) -> None:
        """Compute the region of interest of a scene of small arrays; `progress` as of `Simulator.run`."""
        packed = pack([scene])
        rows = self.plan.rows
        for piece in pieces(scene):
            block = self._block(piece)
            self.library.image(packed, out=block, span=piece.span, threads=threads)
            if not self._has_whole_rows:
                self._spread(block, piece)
            if progress is not None:
                progress(piece.end - rows.start, len(rows))

    @property
    def _has_whole_rows(self) -> bool:
        """Whether rows of the region of interest are rows of the image, one behind the other."""
        return len(self.plan.columns) == self.plan.fpixels

    def _block(self, piece: Piece) -> Buffer:
        """Memory for the pixels of a piece: the image's own where they lie one behind the other."""
        rows, columns = piece.shape
        if not self._has_whole_rows:
            return (c_double * (rows * columns))()
        first_pixel = piece.first * self.plan.fpixels
        return (c_double * (rows * columns)).from_buffer(self.memory, first_pixel * sizeof(c_double))

    def _spread(self, block: Buffer, piece: Piece) -> None:
        """Copy the pixels of a piece to their places in the image."""
        _, width = piece.shape
        start = 0
        for row in range(piece.first, piece.end):
            pixel = row * self.plan.fpixels + self.plan.columns.start
            self.memory[pixel : pixel + width] = block[start : start + width]
            start += width

    def total(self) -> float:
        """The sum of all pixels."""
        return self._of_all[2]

    def extremes(self) -> tuple[float, float]:
        """The least and the greatest pixel; NaN where one is no number."""
        least, greatest, _, missing = self._of_all
        return (math.nan, math.nan) if missing else (least, greatest)

    def brightest(self) -> float:
        """The greatest pixel of the region of interest, rounded to float32."""
        return max(c_float(self._figures(self._region())[1]).value, 0.0)

    def floats(self) -> Iterator[Buffer]:
        """All pixels as float32, part by part."""
        scratch = (c_float * BLOCK_PIXELS)()
        for start in range(0, len(self.memory), BLOCK_PIXELS):
            count = min(BLOCK_PIXELS, len(self.memory) - start)
            self.library.call("convert_floats", self._from(start), count, scratch)
            yield memoryview(scratch).cast("B")[: count * sizeof(c_float)]

    def numbers(self) -> Iterator[Buffer]:
        """All pixels as they are."""
        yield memoryview(self.memory).cast("B")

    def counts(self, scale: float, adc: float) -> tuple[Buffer, int]:
        """16-bit counts, and how many pixels were cut to the range."""
        found, region = self._counts()
        cut = self.library.call(
            "convert_counts", *self._region(), float(scale), float(adc), region, returns=c_int64
        )
        return memoryview(found).cast("B"), cut

    def deviation(self) -> float:
        """Root mean square deviation of the region's pixels from their mean."""
        if len(self.plan.rows) * len(self.plan.columns) < 2:
            return 0.0
        found: float = self.library.call("convert_deviation", *self._region(), returns=c_double)
        return found

    def grey(self, scale: float) -> Buffer:
        """Grey levels as bytes."""
        found = (c_uint8 * len(self.memory))()
        self.library.call("convert_grey", self.memory, len(self.memory), float(scale), found)
        return memoryview(found)

    def noisy(self, seed: int, adc: float) -> tuple[Buffer, int]:
        """16-bit counts with photon noise, and how many pixels were above the range."""
        rows, width = len(self.plan.rows), len(self.plan.columns)
        deviates = (c_float * (rows * width))()
        for row in range(rows):
            at = (self.plan.rows.start + row) * self.plan.fpixels + self.plan.columns.start
            target = (c_float * width).from_buffer(deviates, row * width * sizeof(c_float))
            self.library.call("convert_floats", self._from(at), width, target)
        self.library.noise(deviates, seed)
        found, region = self._counts()
        overloads = self.library.call(
            "convert_read_out",
            deviates,
            rows,
            width,
            c_float(adc),
            region,
            self.plan.fpixels,
            returns=c_int64,
        )
        return memoryview(found).cast("B"), overloads

    def array(self) -> "NDArray[np.float64]":
        """All pixels as a numpy array [slow, fast] of the same memory."""
        import numpy as np

        numbers: NDArray[np.float64] = np.ctypeslib.as_array(self.memory)
        return numbers.reshape(self.shape)

    def _from(self, pixel: int) -> Buffer:
        """The memory from a pixel on."""
        rest = c_double * (len(self.memory) - pixel)
        return rest.from_buffer(self.memory, pixel * sizeof(c_double))

    def _first(self) -> int:
        """Number of the first pixel of the region of interest."""
        return self.plan.rows.start * self.plan.fpixels + self.plan.columns.start

    @cached_property
    def _of_all(self) -> tuple[float, float, float, float]:
        """The figures of all pixels, looked for once the image is computed."""
        return self._figures((self.memory, self.plan.fpixels, self.plan.spixels, self.plan.fpixels))

    def _region(self) -> tuple[Any, ...]:
        """The region of interest as functions of the library take it: memory, stride, rows, columns."""
        return self._from(self._first()), self.plan.fpixels, len(self.plan.rows), len(self.plan.columns)

    def _figures(self, pixels: tuple[Any, ...]) -> tuple[float, float, float, float]:
        """Least, greatest, sum, and how many pixels are NaN."""
        found = (c_double * 4)()
        self.library.call("convert_extremes", *pixels, found)
        least, greatest, total, missing = found
        return least, greatest, total, missing

    def _counts(self) -> tuple[Any, Any]:
        """16-bit zeros for all pixels, and the same memory from the region's first pixel on."""
        found = (c_uint16 * len(self.memory))()
        rest = c_uint16 * (len(found) - self._first())
        return found, rest.from_buffer(found, self._first() * sizeof(c_uint16))

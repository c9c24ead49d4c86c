"""An image that is a numpy array: the numbers that files are made of. See `Photons` for each formula."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.engine.native.noise import noisy
from simulator.io.files import Bytes
from simulator.io.images import TOP

BLOCK_PIXELS = 1 << 17
"""Pixels converted at once: about a megabyte of float64."""

Image: TypeAlias = NDArray[np.floating]


@dataclass(frozen=True)
class NumpyImage:
    """Pixels [slow, fast] of photons, and the rows and columns of the region of interest."""

    pixels: Image
    rows: range
    columns: range

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels along slow and fast."""
        slow, fast = self.pixels.shape
        return slow, fast

    @property
    def precision(self) -> str:
        """Precision of the pixels: float64 or float32."""
        return str(self.pixels.dtype)

    def array(self) -> Image:
        """All pixels."""
        return self.pixels

    def total(self) -> float:
        """The sum of all pixels."""
        return float(self.pixels.sum(dtype=np.float64))

    def extremes(self) -> tuple[float, float]:
        """The least and the greatest pixel; NaN where one is no number."""
        return float(self.pixels.min()), float(self.pixels.max())

    def brightest(self) -> float:
        """The greatest pixel of the region of interest, rounded to float32."""
        return float(np.float32(self._region(self.pixels).max(initial=0.0)))

    def floats(self) -> Iterator[Bytes]:
        """All pixels as float32, part by part."""
        for _, part in _blocks(self.pixels):
            yield np.ascontiguousarray(part, dtype=np.float32).data

    def numbers(self) -> Iterator[Bytes]:
        """All pixels in their own precision."""
        yield np.ascontiguousarray(self.pixels).data

    def counts(self, scale: float, adc: float) -> tuple[Bytes, int]:
        """16-bit counts, and how many pixels were cut to the range."""
        found = np.zeros(self.shape, dtype=np.uint16)
        target = self._region(found)
        cut = 0
        for rows, part in _blocks(self._region(self.pixels)):
            value = part.astype(np.float32).astype(np.float64) * scale + adc + 0.5
            cut += int(((value < 0) | (value >= TOP + 1)).sum())
            target[rows] = np.clip(np.floor(value.astype(np.float32)), 0, TOP)
        return found.data, cut

    def deviation(self) -> float:
        """Root mean square deviation of the region's pixels from their mean."""
        pixels = np.float32(self._region(self.pixels)).astype(np.float64)
        return float(pixels.std(ddof=1)) if pixels.size > 1 else 0.0

    def grey(self, scale: float) -> Bytes:
        """Grey levels as bytes."""
        grey = np.float32(self.pixels).astype(np.float64) * scale
        return np.clip(grey, 0, 255).astype(np.uint8).data

    def noisy(self, seed: int, adc: float) -> tuple[Bytes, int]:
        """16-bit counts with photon noise, and how many pixels were above the range."""
        deviates = noisy(self._region(self.pixels).astype(np.float32), seed)
        value = deviates + np.float32(adc)
        found = np.zeros(self.shape, dtype=np.uint16)
        self._region(found)[...] = np.clip(value, 0, TOP).astype(np.uint16)
        return found.data, int((value > TOP).sum())

    def _region(self, array: NDArray[Any]) -> NDArray[Any]:
        """The part of an array [slow, fast] that the region of interest covers."""
        return array[self.rows.start : self.rows.stop, self.columns.start : self.columns.stop]


def _blocks(image: Image) -> Iterator[tuple[slice, Image]]:
    """Cut into consecutive blocks of rows, so that large images are converted without large copies."""
    rows = max(1, BLOCK_PIXELS // max(image.shape[1], 1))
    for start in range(0, image.shape[0], rows):
        block = slice(start, min(start + rows, image.shape[0]))
        yield block, image[block]

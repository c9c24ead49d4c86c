"""Compare two images: correlation, ratio of sums, largest difference, distance of peaks, a picture."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.config import SimulatorError
from simulator.io.files import read_whole
from simulator.io.smv import read_smv

PEAKS = 20
"""Brightest peaks of the first image that are looked for in the second."""

MORE_PEAKS = 4 * PEAKS
"""Peaks of the second image among which they are looked for: noise may change the order of brightness."""

GREY = 128
"""Grey level of a picture where two images agree."""

GREY_RANGE = 127
"""Grey levels to either side of it."""


@dataclass(frozen=True)
class Comparison:
    """Figures of two images, a and b.

    sum_a, sum_b         photons; sum_ratio = sum_a / sum_b
    largest_difference   photons, at the pixel `at_slow_fast`; relative to the brighter of both maxima
    peaks                how many were compared; peak_distance_px the largest distance to the nearest peak of
                         b, None without peaks
    """

    shape_slow_fast: tuple[int, int]
    correlation: float
    sum_a: float
    sum_b: float
    sum_ratio: float
    largest_difference: float
    largest_relative_to_maximum: float
    at_slow_fast: tuple[int, int]
    peaks: int
    peak_distance_px: float | None
    peaks_a_slow_fast: list[tuple[int, int]]
    peaks_b_slow_fast: list[tuple[int, int]]

    def as_dict(self) -> dict[str, object]:
        """The fields by name, for JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Describe the figures for people, one a line."""
        slow, fast = self.at_slow_fast
        shown = "none" if self.peak_distance_px is None else f"{self.peak_distance_px:g} px"
        return [
            f"shape                 {self.shape_slow_fast[0]} x {self.shape_slow_fast[1]} px (slow x fast)",
            f"correlation           {self.correlation:.12g}",
            f"sums                  {self.sum_a:.12g} and {self.sum_b:.12g}, ratio {self.sum_ratio:.12g}",
            f"largest difference    {self.largest_difference:g} at slow {slow} fast {fast}",
            f"  of the maximum      {self.largest_relative_to_maximum:g}",
            f"peaks                 {self.peaks} compared, largest distance {shown}",
        ]


def read_image(path: Path, shape: tuple[int, int] | None = None) -> NDArray[np.float64]:
    """Read an image from .npy, SMV, or raw float32 (square unless `shape` [slow, fast] is given).

    Raises a SimulatorError for a file that is none of these.
    """
    if path.suffix == ".npy":
        return _read_npy(path)
    raw = read_whole(path, "image")
    if raw.startswith(b"{"):
        return np.asarray(read_smv(path)[0], dtype=np.float64)
    return _read_floats(path, raw, shape)


def _read_npy(path: Path) -> NDArray[np.float64]:
    try:
        return np.asarray(np.load(path, allow_pickle=False), dtype=np.float64)
    except (OSError, ValueError, TypeError, EOFError, MemoryError) as error:
        lines = str(error).splitlines()
        reason = lines[0] if lines else type(error).__name__
        raise SimulatorError(f"cannot read {path}: {reason}") from None


def _read_floats(path: Path, raw: bytes, shape: tuple[int, int] | None) -> NDArray[np.float64]:
    if len(raw) == 0 or len(raw) % 4:
        raise SimulatorError(f"{path} holds {len(raw)} bytes: raw float images have four a pixel")
    pixels = np.frombuffer(raw, dtype=np.float32).astype(np.float64)
    edge = round(len(pixels) ** 0.5)
    rows, columns = shape or (edge, edge)
    if rows * columns != len(pixels):
        raise SimulatorError(
            f"{path} holds {len(pixels)} pixels, not {rows} x {columns}: give -shape SLOW FAST"
        )
    return pixels.reshape(rows, columns)


def peaks(image: NDArray[np.float64], count: int = PEAKS) -> list[tuple[int, int]]:
    """Find the brightest pixels that are above all eight neighbours, brightest first, as (slow, fast)."""
    # With a frame of -inf every pixel has eight neighbours.
    framed = np.pad(image, 1, constant_values=-np.inf)
    top = np.ones(image.shape, dtype=bool)
    rows, columns = image.shape
    for down in (0, 1, 2):
        for right in (0, 1, 2):
            is_itself = (down, right) == (1, 1)
            if not is_itself:
                top &= image > framed[down : down + rows, right : right + columns]
    slow, fast = np.nonzero(top)
    brightest_first = np.argsort(image[slow, fast])[::-1]
    return [(int(slow[k]), int(fast[k])) for k in brightest_first[:count]]


def _peak_distance(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> float | None:
    """The largest distance of a peak of the first image from the nearest of the second, px."""
    if not first or not second:
        return None
    theirs = np.array(second, dtype=np.float64)
    largest = 0.0
    for spot in first:
        distances = np.sqrt(((theirs - spot) ** 2).sum(1))
        largest = max(largest, float(distances.min()))
    return largest


def compare(a: NDArray[np.float64], b: NDArray[np.float64]) -> Comparison:
    """Compute all figures.

    Raises a SimulatorError for images of different shapes or with numbers that are not finite.
    """
    if a.shape != b.shape:
        raise SimulatorError(f"the images have different shapes: {a.shape} and {b.shape} px [slow, fast]")
    if a.ndim != 2 or a.size == 0:
        raise SimulatorError(f"an image has rows and columns of pixels, these are of the shape {a.shape}")
    for name, image in (("first", a), ("second", b)):
        bad = int((~np.isfinite(image)).sum())
        if bad:
            raise SimulatorError(f"the {name} image holds {bad} pixels that are not finite")
    gap = np.abs(a - b)
    largest = float(gap.max())
    at = np.unravel_index(int(gap.argmax()), gap.shape)
    top = float(max(np.abs(a).max(), np.abs(b).max()))
    first = peaks(a)
    second = peaks(b, MORE_PEAKS)
    sum_a = float(a.sum())
    sum_b = float(b.sum())
    return Comparison(
        shape_slow_fast=(a.shape[0], a.shape[1]),
        correlation=_correlation(a, b),
        sum_a=sum_a,
        sum_b=sum_b,
        sum_ratio=_ratio(sum_a, sum_b),
        largest_difference=largest,
        largest_relative_to_maximum=largest / top if top else 0.0,
        at_slow_fast=(int(at[0]), int(at[1])),
        peaks=len(first),
        peak_distance_px=_peak_distance(first, second),
        peaks_a_slow_fast=first,
        peaks_b_slow_fast=second[:PEAKS],
    )


def _ratio(a: float, b: float) -> float:
    """a/b; 1 for two zeros, infinite where only b is 0."""
    if b:
        return a / b
    return float("inf") if a else 1.0


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Pearson's correlation; 1 for two images of equal constants, 0 where only one is constant."""
    alike = np.array_equal(a, b)
    a = _scaled_to_one(a)
    b = _scaled_to_one(b)
    x = a - a.mean()
    y = b - b.mean()
    norm = float(np.sqrt((x * x).sum() * (y * y).sum()))
    if norm == 0:
        return 1.0 if alike else 0.0
    return float((x * y).sum()) / norm


def _scaled_to_one(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """The image over its largest magnitude, so that squares of very bright pixels do not overflow."""
    top = float(np.abs(image).max())
    return image / (top or 1.0)


def difference_picture(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Paint grey where they agree, darker where b is brighter; full scale at the largest difference."""
    gap = a - b
    top = float(np.abs(gap).max())
    shade = GREY_RANGE * gap / top if top else np.zeros_like(gap)
    return np.clip(GREY + shade, 0, 255).astype(np.uint8)

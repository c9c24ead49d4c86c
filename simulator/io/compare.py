"""How alike two images are: correlation, ratio of sums, largest difference, where the peaks stand, a
picture."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.config import SimulatorError
from simulator.io.files import read_whole
from simulator.io.smv import read_smv

PEAKS = 20


@dataclass(frozen=True)
class Comparison:
    """What two images share. `peak_distance_px` is the largest distance between matched peaks, None
    without peaks."""

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
        """For JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For people."""
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
    """An image from .npy, SMV, or raw float32 (square unless `shape` [slow, fast] is given)."""
    if path.suffix == ".npy":
        try:
            return np.asarray(np.load(path, allow_pickle=False), dtype=np.float64)
        except (OSError, ValueError, TypeError, EOFError, MemoryError) as error:
            said = str(error).splitlines() or [type(error).__name__]
            raise SimulatorError(f"cannot read {path}: {said[0]}") from None
    raw = read_whole(path, "image")
    if raw.startswith(b"{"):
        return np.asarray(read_smv(path)[0], dtype=np.float64)
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
    """The brightest pixels that are above all eight neighbours, brightest first, as (slow, fast)."""
    framed = np.pad(image, 1, constant_values=-np.inf)
    top = np.ones(image.shape, dtype=bool)
    rows, columns = image.shape
    for down in (0, 1, 2):
        for right in (0, 1, 2):
            if (down, right) != (1, 1):
                top &= image > framed[down : down + rows, right : right + columns]
    slow, fast = np.nonzero(top)
    order = np.argsort(image[slow, fast])[::-1][:count]
    return [(int(slow[k]), int(fast[k])) for k in order]


def _peak_distance(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> float | None:
    """The largest distance of a peak of the first image from the nearest of the second, px."""
    if not first or not second:
        return None
    ours, theirs = np.array(first, dtype=np.float64), np.array(second, dtype=np.float64)
    return max(float(np.sqrt(((theirs - spot) ** 2).sum(1)).min()) for spot in ours)


def compare(a: NDArray[np.float64], b: NDArray[np.float64]) -> Comparison:
    """All figures; a SimulatorError for images of different shapes or with numbers that are not finite."""
    if a.shape != b.shape:
        raise SimulatorError(f"the images have different shapes: {a.shape} and {b.shape} px [slow, fast]")
    if a.ndim != 2 or a.size == 0:
        raise SimulatorError(f"an image has rows and columns of pixels, these are of the shape {a.shape}")
    for name, image in (("first", a), ("second", b)):
        if not np.isfinite(image).all():
            raise SimulatorError(
                f"the {name} image holds {int((~np.isfinite(image)).sum())} pixels that are not finite"
            )
    gap = np.abs(a - b)
    at = np.unravel_index(int(gap.argmax()), gap.shape)
    top = float(max(np.abs(a).max(), np.abs(b).max()))
    first, second = peaks(a), peaks(b, 4 * PEAKS)
    sum_a, sum_b = float(a.sum()), float(b.sum())
    return Comparison(
        shape_slow_fast=(a.shape[0], a.shape[1]),
        correlation=_correlation(a, b),
        sum_a=sum_a,
        sum_b=sum_b,
        sum_ratio=sum_a / sum_b if sum_b else float("inf") if sum_a else 1.0,
        largest_difference=float(gap.max()),
        largest_relative_to_maximum=float(gap.max()) / top if top else 0.0,
        at_slow_fast=(int(at[0]), int(at[1])),
        peaks=len(first),
        peak_distance_px=_peak_distance(first, second),
        peaks_a_slow_fast=first,
        peaks_b_slow_fast=second[:PEAKS],
    )


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Pearson's; 1 for two even images that agree, 0 where only one is even."""
    alike = np.array_equal(a, b)
    # Each on its own scale, so that the squares of very bright pixels do not overflow.
    a, b = (image / (float(np.abs(image).max()) or 1.0) for image in (a, b))
    x, y = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((x * x).sum() * (y * y).sum()))
    if norm == 0:
        return 1.0 if alike else 0.0
    return float((x * y).sum()) / norm


def difference_picture(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Grey 128 where they agree, darker where the second is brighter; full scale at the largest
    difference."""
    gap = a - b
    top = float(np.abs(gap).max())
    return np.clip(128 + (127 * gap / top if top else 0 * gap), 0, 255).astype(np.uint8)

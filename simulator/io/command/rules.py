"""The reference's rules for grids of which a count, a range and a step may each be given or not."""

import math
from dataclasses import dataclass

from simulator.config import SimulatorError

MOST_STEPS = 10**7
"""More points than this on one axis is a slip of the pen, not an experiment."""


@dataclass(frozen=True)
class Grid:
    """A number of points, the range they cover and the step between them, in the unit of the input."""

    count: int
    span: float
    step: float


def points(name: str, span: float, step: float) -> int:
    """ceil(span / step), at least 1."""
    if span / step > MOST_STEPS:
        raise SimulatorError(
            f"{name}: a range of {span:g} in steps of {step:g} makes {span / step:.10g} points"
        )
    return max(1, math.ceil(span / step))


def spread(name: str, count: int | None, span: float | None, step: float | None, *, alone: float) -> Grid:
    """Divergence and dispersion.

    none: 1 point; step: 2 points, range = step; range: 2 points, step = range; range and step:
    ceil(range/step);
    count: range `alone`, step = range/count; count and range: at least 2 points, step = range/(count - 1).
    """
    count = None if count is not None and count < 1 else count
    step = None if step is not None and step <= 0 else step
    if count is None and span is None:
        return Grid(1, 0.0, 0.0) if step is None else Grid(2, step, step)
    if count is None:
        assert span is not None
        return Grid(2, span, span) if step is None else Grid(points(name, span, step), span, step)
    if span is None:
        if step is None:
            return Grid(count, alone, alone / count)
        return Grid(count, step * (count - 1), step)
    count = max(count, 2)
    return Grid(count, span, span / (count - 1))


def rotation(count: int | None, span: float | None, step: float | None) -> Grid:
    """Spindle: range alone makes 2 steps of half of it, a count alone 1 degree, a step alone 2 steps."""
    count = None if count is not None and count < 1 else count
    step = None if step is not None and step <= 0 else step
    if count is None and span is None:
        return Grid(1, 0.0, 0.0) if step is None else Grid(2, step, step)
    if count is None:
        assert span is not None
        return Grid(2, span, span / 2) if step is None else Grid(points("-osc", span, step), span, step)
    if span is None:
        return Grid(count, 1.0, 1.0 / count) if step is None else Grid(count, step * count, step)
    return Grid(count, span, span / count)

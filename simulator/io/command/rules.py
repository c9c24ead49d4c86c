"""Complete a grid of which a count, a range and a step may each be given or not, by the reference's rules."""

import math
from dataclasses import dataclass

from simulator.config import SimulatorError

MOST_STEPS = 10**7
"""Most points on one axis: a larger number is a typing error."""


@dataclass(frozen=True)
class Grid:
    """A number of points, the range they cover and the step between them, in the unit of the input."""

    count: int
    span: float
    step: float


def points(name: str, span: float, step: float) -> int:
    """ceil(span / step), at least 1."""
    ratio = span / step
    if ratio > MOST_STEPS:
        raise SimulatorError(f"{name}: a range of {span:g} in steps of {step:g} makes {ratio:.10g} points")
    return max(1, math.ceil(ratio))


def _wanted_count(count: int | None) -> int | None:
    """A count below 1 is as good as none."""
    return None if count is not None and count < 1 else count


def _wanted_step(step: float | None) -> float | None:
    """A step up to 0 is as good as none."""
    return None if step is not None and step <= 0 else step


def spread(name: str, count: int | None, span: float | None, step: float | None, *, alone: float) -> Grid:
    """Complete a grid of divergence or dispersion.

    given             points                range            step
    nothing           1                     0                0
    step              2                     step             step
    range             2                     range            range
    range, step       ceil(range / step)    range            step
    count             count                 `alone`          alone / count
    count, step       count                 step (count - 1) step
    count, range      count, at least 2     range            range / (count - 1)

    `name` is the option named in the SimulatorError for too many points.
    """
    count = _wanted_count(count)
    step = _wanted_step(step)
    if span is None:
        if count is None:
            return Grid(1, 0.0, 0.0) if step is None else Grid(2, step, step)
        if step is None:
            return Grid(count, alone, alone / count)
        return Grid(count, step * (count - 1), step)
    if count is None:
        return Grid(2, span, span) if step is None else Grid(points(name, span, step), span, step)
    count = max(count, 2)
    return Grid(count, span, span / (count - 1))


def rotation(count: int | None, span: float | None, step: float | None) -> Grid:
    """Complete the grid of the spindle, degrees.

    given             steps                 range            step
    nothing           1                     0                0
    step              2                     step             step
    range             2                     range            range / 2
    range, step       ceil(range / step)    range            step
    count             count                 1                1 / count
    count, step       count                 step count       step
    count, range      count                 range            range / count
    """
    count = _wanted_count(count)
    step = _wanted_step(step)
    if span is None:
        if count is None:
            return Grid(1, 0.0, 0.0) if step is None else Grid(2, step, step)
        if step is None:
            return Grid(count, 1.0, 1.0 / count)
        return Grid(count, step * count, step)
    if count is None:
        return Grid(2, span, span / 2) if step is None else Grid(points("-osc", span, step), span, step)
    return Grid(count, span, span / count)

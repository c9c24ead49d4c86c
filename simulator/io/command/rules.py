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

    given                points                range      step
    nothing              1                     0          0
    step                 2                     step       step
    range                2                     range      range
    range, step          ceil(range / step)    range      step
    count                count                 `alone`    alone / count
    count, step          2                     step       step
    count, range         count, at least 2     range      range / (count - 1)
    count, range, step   count                 range      step

    A range or step that comes out as 0 leaves one point. `name` is the option named in the SimulatorError for
    a negative range and for too many points.
    """
    if span is not None and span < 0:
        raise SimulatorError(f"{name} is {span:g}: a range must not be negative")
    grid = _completed_spread(name, _wanted_count(count), span, _wanted_step(step), alone)
    if grid.span <= 0 or grid.step <= 0:
        return Grid(1, 0.0, 0.0)
    return grid


def _completed_spread(
    name: str, count: int | None, span: float | None, step: float | None, alone: float
) -> Grid:
    """Apply the table of `spread`; None stands for what is not given."""
    if span is None:
        # The reference lets a step decide alone: the count is dropped.
        if step is not None:
            return Grid(2, step, step)
        return Grid(1, 0.0, 0.0) if count is None else Grid(count, alone, alone / count)
    if count is None:
        return Grid(2, span, span) if step is None else Grid(points(name, span, step), span, step)
    if step is not None:
        return Grid(count, span, step)
    count = max(count, 2)
    return Grid(count, span, span / (count - 1))


def rotation(count: int | None, span: float | None, step: float | None) -> Grid:
    """Complete the grid of the spindle, degrees.

    given                steps                 range      step
    nothing              1                     0          0
    step                 2                     step       step
    range                2                     range      range / 2
    range, step          ceil(range / step)    range      step
    count                count                 1          1 / count
    count, step          2                     step       step
    count, range         count                 range      range / count
    count, range, step   count                 range      step
    """
    count = _wanted_count(count)
    step = _wanted_step(step)
    if span is None:
        # The reference lets a step decide alone: the count is dropped.
        if step is not None:
            return Grid(2, step, step)
        return Grid(1, 0.0, 0.0) if count is None else Grid(count, 1.0, 1.0 / count)
    if count is None:
        return Grid(2, span, span / 2) if step is None else Grid(points("-osc", span, step), span, step)
    return Grid(count, span, span / count if step is None else step)

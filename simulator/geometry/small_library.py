"""Functions of small arrays in plain Python, under the names that torch and numpy share.

Loading numpy takes longer than a small image takes to compute, and the set-up of most experiments is a few
hundred numbers. So a command that only wants an image passes this module as the library `xp` of its arrays.
What is here is what crystals, detectors and beams ask for.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

from simulator.geometry.small_array import Shape, SmallArray, combined, common, rows_of, spread

float64 = float
"""The only precision; a name for calls that state one."""


def asarray(values: Any, dtype: Any = None) -> SmallArray:
    """Make an array of a number, of nested sequences of numbers, or of an array."""
    if isinstance(values, SmallArray):
        return values
    if isinstance(values, (int, float)):
        return SmallArray([float(values)], ())
    parts = [asarray(value) for value in values]
    return stack(parts) if parts else SmallArray([], (0,))


def stack(arrays: Iterable[SmallArray], axis: int = 0) -> SmallArray:
    """Put arrays of one shape side by side along a new axis: the first (0), or a later one (-1, -2)."""
    parts = list(arrays)
    inner = parts[0].shape
    numbers = [number for part in parts for number in part.numbers]
    together = SmallArray(numbers, (len(parts), *inner))
    # The new axis wanders backwards, one exchange with its neighbour after the other.
    for place in range(axis % together.ndim):
        together = together.swapaxes(place, place + 1)
    return together


def concatenate(arrays: Iterable[SmallArray]) -> SmallArray:
    """Join arrays along their first axis."""
    parts = list(arrays)
    numbers = [number for part in parts for number in part.numbers]
    return SmallArray(numbers, (sum(len(part) for part in parts), *parts[0].shape[1:]))


def zeros(shape: Shape, dtype: Any = None) -> SmallArray:
    """Make an array of zeros."""
    return SmallArray([0.0] * math.prod(shape), tuple(shape))


def zeros_like(array: SmallArray) -> SmallArray:
    """Make zeros in the shape of another array."""
    return zeros(array.shape)


def ones_like(array: SmallArray) -> SmallArray:
    """Make ones in the shape of another array."""
    return SmallArray([1.0] * len(array.numbers), array.shape)


def eye(size: int, dtype: Any = None) -> SmallArray:
    """Make the identity matrix."""
    numbers = [float(row == column) for row in range(size) for column in range(size)]
    return SmallArray(numbers, (size, size))


def arange(count: int) -> SmallArray:
    """Make the numbers 0, 1, ... below `count`."""
    return SmallArray([float(index) for index in range(count)], (count,))


def _each(function: Callable[[float], float], array: SmallArray) -> SmallArray:
    """Apply a function to each number; NaN where it has no value."""
    numbers = []
    for number in array.numbers:
        try:
            numbers.append(function(number))
        except ValueError:
            numbers.append(math.nan)
    return SmallArray(numbers, array.shape)


def sin(array: SmallArray) -> SmallArray:
    """Sine of each number."""
    return _each(math.sin, array)


def cos(array: SmallArray) -> SmallArray:
    """Cosine of each number."""
    return _each(math.cos, array)


def sqrt(array: SmallArray) -> SmallArray:
    """Square root of each number."""
    return _each(math.sqrt, array)


def abs(array: SmallArray) -> SmallArray:
    """Absolute value of each number."""
    return array.__abs__()


def isnan(array: SmallArray) -> SmallArray:
    """Whether each number is NaN."""
    return SmallArray([math.isnan(number) for number in array.numbers], array.shape)


def arctan2(y: SmallArray, x: SmallArray) -> SmallArray:
    """The angle of each point (x, y), radians."""
    return combined(y, x, math.atan2)


def hypot(x: SmallArray, y: SmallArray) -> SmallArray:
    """The distance of each point (x, y) from 0."""
    return combined(x, y, math.hypot)


def maximum(left: SmallArray, right: SmallArray) -> SmallArray:
    """The larger of each pair; NaN where one of them is."""
    return combined(left, right, lambda x, y: x if math.isnan(x) or x > y else y)


def where(condition: SmallArray, yes: "SmallArray | float", no: "SmallArray | float") -> SmallArray:
    """Of each pair the first where the condition holds, else the second."""
    if_so, if_not = asarray(yes), asarray(no)
    shape = common(condition.shape, common(if_so.shape, if_not.shape))
    choices = zip(spread(condition, shape), spread(if_so, shape), spread(if_not, shape), strict=True)
    return SmallArray([one if holds else other for holds, one, other in choices], shape)


class linalg:
    """Functions of vectors and matrices."""

    @staticmethod
    def norm(vectors: SmallArray, axis: int = -1) -> SmallArray:
        """Euclidean length along the last axis."""
        return SmallArray([math.hypot(*row) for row in rows_of(vectors)], vectors.shape[:-1])

    @staticmethod
    def cross(left: SmallArray, right: SmallArray) -> SmallArray:
        """left x right over the last axis, which has three entries."""
        lx, ly, lz = left[..., 0], left[..., 1], left[..., 2]
        rx, ry, rz = right[..., 0], right[..., 1], right[..., 2]
        return stack((ly * rz - lz * ry, lz * rx - lx * rz, lx * ry - ly * rx), -1)

    @staticmethod
    def det(matrix: SmallArray) -> SmallArray:
        """Determinant of a matrix of three rows."""
        first, second, third = matrix
        return first @ linalg.cross(second, third)

"""A small float64 array in plain Python, with the operators and methods that torch and numpy share.

`small_library.py` has the functions, and says what it is for. Broadcasting and indexing follow numpy's rules;
overflow gives inf, and a number that does not exist gives NaN, where Python itself would raise.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

Shape = tuple[int, ...]

Key: TypeAlias = "int | slice | list[int] | None"
"""One part of an index; besides, one `...` may stand for all axes that no other part names."""


class SmallArray:
    """An array: its numbers with the last axis fastest, and its shape. Never changed in place."""

    __slots__ = ("numbers", "shape")

    itemsize = 8
    """Bytes of a float64."""

    def __init__(self, numbers: list[float], shape: Shape) -> None:
        self.numbers, self.shape = numbers, shape

    def __repr__(self) -> str:
        return f"SmallArray({self.tolist()})"

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __float__(self) -> float:
        (number,) = self.numbers
        return float(number)

    def __bool__(self) -> bool:
        (number,) = self.numbers
        return bool(number)

    def __int__(self) -> int:
        return int(float(self))

    def __iter__(self) -> "Iterator[SmallArray]":
        return (self[index] for index in range(len(self)))

    def astype(self, kind: type[float]) -> "SmallArray":
        """The array itself: there is one precision."""
        return self

    def tolist(self) -> Any:
        """Nested lists, or the number of an array without axes."""
        if not self.shape:
            return self.numbers[0]
        return _nested(self.numbers, self.shape)

    # Arithmetic, number by number.

    def __neg__(self) -> "SmallArray":
        return SmallArray([-number for number in self.numbers], self.shape)

    def __abs__(self) -> "SmallArray":
        return SmallArray([math.fabs(number) for number in self.numbers], self.shape)

    def __add__(self, other: "SmallArray | float") -> "SmallArray":
        return combined(self, other, lambda x, y: x + y)

    __radd__ = __add__

    def __mul__(self, other: "SmallArray | float") -> "SmallArray":
        return combined(self, other, lambda x, y: x * y)

    __rmul__ = __mul__

    def __sub__(self, other: "SmallArray | float") -> "SmallArray":
        return combined(self, other, lambda x, y: x - y)

    def __rsub__(self, other: "SmallArray | float") -> "SmallArray":
        return combined(self, other, lambda x, y: y - x)

    def __truediv__(self, other: "SmallArray | float") -> "SmallArray":
        return combined(self, other, _quotient)

    def __rtruediv__(self, other: "SmallArray | float") -> "SmallArray":
        return combined(self, other, lambda x, y: _quotient(y, x))

    def __pow__(self, exponent: int) -> "SmallArray":
        return SmallArray([_power(number, exponent) for number in self.numbers], self.shape)

    def __lt__(self, other: "SmallArray | float") -> "SmallArray":
        return combined(self, other, lambda x, y: x < y)

    def __gt__(self, other: "SmallArray | float") -> "SmallArray":
        return combined(self, other, lambda x, y: x > y)

    def __matmul__(self, other: "SmallArray") -> "SmallArray":
        """The matrix product over the last axes; axes in front of them are broadcast."""
        left = self if self.ndim > 1 else self[None, :]
        right = other if other.ndim > 1 else other[:, None]
        product = _matrix_product(left, right)
        if self.ndim == 1:
            product = product[..., 0, :]
        if other.ndim == 1:
            product = product[..., 0]
        return product

    # Shape.

    def __getitem__(self, key: Any) -> "SmallArray":
        parts = list(key) if isinstance(key, tuple) else [key]
        return _selected(self, _without_ellipsis(parts, self.ndim))

    def reshape(self, *shape: Any) -> "SmallArray":
        """The same numbers in another shape, of which one size may be -1."""
        sizes = tuple(shape[0]) if shape and isinstance(shape[0], tuple) else shape
        if -1 in sizes:
            known = math.prod(size for size in sizes if size != -1)
            rest = len(self.numbers) // known
            sizes = tuple(rest if size == -1 else size for size in sizes)
        return SmallArray(self.numbers, sizes)

    def swapaxes(self, first: int, second: int) -> "SmallArray":
        """Exchange two axes."""
        order = list(range(self.ndim))
        order[first], order[second] = order[second], order[first]
        steps = _strides(self.shape)
        shape = tuple(self.shape[axis] for axis in order)
        offsets = _offsets(shape, [steps[axis] for axis in order])
        return SmallArray([self.numbers[offset] for offset in offsets], shape)

    @property
    def T(self) -> "SmallArray":
        """A matrix with rows and columns exchanged."""
        return self.swapaxes(0, 1)

    # Reductions.

    def sum(self) -> "SmallArray":
        """Sum of all numbers."""
        return SmallArray([sum(self.numbers)], ())

    def prod(self) -> "SmallArray":
        """Product of all numbers."""
        return SmallArray([math.prod(self.numbers)], ())

    def mean(self) -> "SmallArray":
        """Mean of all numbers."""
        return self.sum() / len(self.numbers)

    def min(self) -> "SmallArray":
        """Smallest of all numbers."""
        return SmallArray([min(self.numbers)], ())

    def argmin(self) -> int:
        """Where the smallest of all numbers stands."""
        return self.numbers.index(min(self.numbers))

    def all(self) -> "SmallArray":
        """Whether no number is 0."""
        return SmallArray([all(self.numbers)], ())

    def any(self, axis: int | None = None) -> "SmallArray":
        """Whether a number is not 0: of all, or along the last axis (-1)."""
        if axis is None:
            return SmallArray([any(self.numbers)], ())
        return SmallArray([any(row) for row in rows_of(self)], self.shape[:-1])


def _quotient(dividend: float, divisor: float) -> float:
    """Dividend / divisor as in IEEE 754: where Python raises, inf or NaN."""
    if divisor != 0:
        return dividend / divisor
    if dividend == 0 or math.isnan(dividend):
        return math.nan
    return math.copysign(math.inf, dividend) * math.copysign(1.0, divisor)


def _power(base: float, exponent: int) -> float:
    """base^exponent; inf where Python raises for a number that is too large."""
    try:
        return float(base**exponent)
    except OverflowError:
        return math.inf if base > 0 or exponent % 2 == 0 else -math.inf


def _strides(shape: Shape) -> list[int]:
    """By axis, how far apart two neighbours are in the list of numbers."""
    steps: list[int] = []
    step = 1
    for size in reversed(shape):
        steps.append(step)
        step *= size
    return steps[::-1]


def _offsets(shape: Shape, steps: Sequence[int]) -> list[int]:
    """Places in the list of numbers of all entries of this shape, whose axes step so far."""
    offsets = [0]
    for size, step in zip(shape, steps, strict=True):
        offsets = [base + step * index for base in offsets for index in range(size)]
    return offsets


def common(left: Shape, right: Shape) -> Shape:
    """The shape to which both are broadcast."""
    axes = max(len(left), len(right))
    padded_left = (1,) * (axes - len(left)) + left
    padded_right = (1,) * (axes - len(right)) + right
    sizes = []
    for one, other in zip(padded_left, padded_right, strict=True):
        if one != other and 1 not in (one, other):
            raise ValueError(f"arrays of {left} and {right} do not fit together")
        sizes.append(other if one == 1 else one)
    return tuple(sizes)


def spread(array: SmallArray, shape: Shape) -> list[float]:
    """The numbers of an array broadcast to a shape."""
    if array.shape == shape:
        return array.numbers
    missing = len(shape) - array.ndim
    steps = [0] * missing
    for size, step in zip(array.shape, _strides(array.shape), strict=True):
        steps.append(0 if size == 1 else step)
    return [array.numbers[offset] for offset in _offsets(shape, steps)]


def combined(
    left: SmallArray, right: "SmallArray | float", combine: Callable[[float, float], float]
) -> SmallArray:
    """Apply a function of two numbers to two arrays, or to an array and a number."""
    if not isinstance(right, SmallArray):
        number = float(right)
        return SmallArray([combine(one, number) for one in left.numbers], left.shape)
    shape = common(left.shape, right.shape)
    pairs = zip(spread(left, shape), spread(right, shape), strict=True)
    return SmallArray([combine(one, other) for one, other in pairs], shape)


def rows_of(array: SmallArray) -> list[list[float]]:
    """The numbers along the last axis, row by row."""
    width = array.shape[-1]
    starts = range(0, len(array.numbers), width)
    return [array.numbers[start : start + width] for start in starts]


def _nested(numbers: list[float], shape: Shape) -> list[Any]:
    """Numbers as lists of lists."""
    if len(shape) == 1:
        return list(numbers)
    size = math.prod(shape[1:])
    return [_nested(numbers[index * size : (index + 1) * size], shape[1:]) for index in range(shape[0])]


def _without_ellipsis(parts: list[Any], axes: int) -> list[Key]:
    """The parts of an index, one for each axis and each new axis."""
    named = sum(part is not None and part is not ... for part in parts)
    rest: list[Key] = [slice(None)] * (axes - named)
    at = parts.index(...) if ... in parts else len(parts)
    return [*parts[:at], *rest, *parts[at + 1 :]]


def _selected(array: SmallArray, parts: list[Key]) -> SmallArray:
    """The entries that an index names; None makes a new axis."""
    steps = _strides(array.shape)
    axis = 0
    offsets = [0]
    shape: list[int] = []
    for part in parts:
        if part is None:
            shape.append(1)
            continue
        size, step = array.shape[axis], steps[axis]
        axis += 1
        if isinstance(part, int):
            indices: Sequence[int] = [range(size)[part]]
        elif isinstance(part, slice):
            indices = range(size)[part]
            shape.append(len(indices))
        else:
            indices = [range(size)[index] for index in part]
            shape.append(len(part))
        taken = [step * index for index in indices]
        offsets = [base + further for base in offsets for further in taken]
    return SmallArray([array.numbers[offset] for offset in offsets], tuple(shape))


def _matrix_product(left: SmallArray, right: SmallArray) -> SmallArray:
    """[..., n, m] @ [..., m, p]."""
    n, m = left.shape[-2:]
    p = right.shape[-1]
    batch = common(left.shape[:-2], right.shape[:-2])
    lefts = spread(left, (*batch, n, m))
    rights = spread(right, (*batch, m, p))
    numbers: list[float] = []
    for entry in range(math.prod(batch)):
        first_left, first_right = entry * n * m, entry * m * p
        columns = [rights[first_right + column : first_right + m * p : p] for column in range(p)]
        for row in range(n):
            start = first_left + row * m
            factors = lefts[start : start + m]
            for column in columns:
                numbers.append(sum(x * y for x, y in zip(factors, column, strict=True)))
    return SmallArray(numbers, (*batch, n, p))

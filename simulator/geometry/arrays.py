"""Small float64 arrays of one of three libraries, behind the function names that they share.

Torch serves where gradients may be asked for, numpy where a command only wants its image, and plain Python
(`small_library`) where the image follows from few numbers. The geometry of an experiment (cells, axes,
panels, sources) is written once for all. Annotations say `Tensor`, which stands for an array of any of them.
Torch is never imported here: a caller that wants it passes it in as `xp`. Numpy is imported where it is
needed, because loading it takes longer than a small image.
"""

import math
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from simulator.config.checks import Scalar, is_batched, is_wrapped, unwrapped
from simulator.geometry import small_library
from simulator.geometry.small_array import SmallArray

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


def library_of(array: object) -> Any:
    """Return the module torch for a tensor, `small_library` for one of its arrays, else numpy."""
    if isinstance(array, SmallArray):
        return small_library
    # Looked up, not imported: where nobody has loaded torch, nothing can be a tensor.
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(array, torch.Tensor):
        return torch
    return _numpy()


def _numpy() -> Any:
    """Return numpy, loaded now at the latest."""
    import numpy

    return numpy


def scalar(value: Scalar, xp: Any) -> "Tensor":
    """Make a 0-d float64 array of the library `xp`, with its graph where it has one."""
    if hasattr(value, "detach"):
        return _float64(value, xp).reshape(())
    made: Tensor = xp.asarray(float(value), dtype=xp.float64)
    return made


def _float64(tensor: Any, xp: Any) -> "Tensor":
    """Move a tensor of a configuration to the CPU and to float64, with its graph."""
    moved: Tensor = tensor.to("cpu", xp.float64)
    return moved


def stacked(values: Iterable[Scalar], xp: Any) -> "Tensor":
    """Make a 1-d float64 array of several numbers, each with its graph."""
    if hasattr(values, "detach"):
        return _float64(values, xp)
    made: Tensor = xp.stack([scalar(value, xp) for value in values])
    return made


def table_of(rows: "Iterable[Iterable[float]] | Tensor", xp: Any) -> "Tensor":
    """Make a 2-d float64 array of rows of numbers."""
    if hasattr(rows, "detach"):
        return _float64(rows, xp)
    made: Tensor = xp.asarray([list(row) for row in rows], dtype=xp.float64)
    return made


def cross(left: "Tensor", right: "Tensor") -> "Tensor":
    """left x right over the last axis."""
    xp = library_of(left)
    # Numpy 1 has no linalg.cross, and torch no other of this meaning.
    product: Tensor = xp.cross(left, right) if xp.__name__ == "numpy" else xp.linalg.cross(left, right)
    return product


def length(vector: "Tensor") -> "Tensor":
    """Euclidean norm over the last axis."""
    norm: Tensor = library_of(vector).linalg.norm(vector, axis=-1)
    return norm


def bare(array: "Tensor") -> "Tensor":
    """Return the numbers without their graph."""
    if hasattr(array, "detach"):
        return array.detach()
    return array


def has_graph(array: object) -> bool:
    """Whether a gradient may flow through it, or it differs within a batch of `torch.vmap`."""
    return bool(getattr(array, "requires_grad", False)) or is_batched(array)


def array_of(array: "Tensor", xp: Any) -> "Tensor":
    """Turn into an array of the library `xp`; a tensor keeps its graph."""
    found: Tensor = array if library_of(array) is xp else xp.asarray(array)
    return found


def listed(array: "Tensor") -> list[float]:
    """All numbers of an array, the last axis fastest."""
    if isinstance(array, SmallArray):
        return array.numbers
    numbers: list[float] = as_numpy(array).reshape(-1).tolist()
    return numbers


def first_not_finite(array: "Tensor") -> float | None:
    """The first number of an array that is infinite or NaN; None: all are finite."""
    if isinstance(array, SmallArray):
        return next((number for number in array.numbers if not math.isfinite(number)), None)
    numbers = as_numpy(array)
    bad = ~_numpy().isfinite(numbers)
    return float(numbers[bad].flat[0]) if bad.any() else None


def as_numpy(array: "Tensor") -> "np.ndarray[Any, Any]":
    """Turn into a contiguous numpy array without a graph, in the same memory where that is possible.

    Under `torch.vmap` it has the batch as a dimension.
    """
    if hasattr(array, "detach"):
        if is_wrapped(array):
            listed: np.ndarray[Any, Any] = _numpy().array(unwrapped(array).tolist())
            return listed
        found: np.ndarray[Any, Any] = array.detach().cpu().contiguous().numpy()
        return found
    numpy = _numpy()
    if isinstance(array, SmallArray):
        small: np.ndarray[Any, Any] = numpy.array(array.numbers, dtype=float).reshape(array.shape)
        return small
    contiguous: np.ndarray[Any, Any] = numpy.ascontiguousarray(array)
    return contiguous

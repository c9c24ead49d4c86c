"""Small float64 arrays of either library: torch's where gradients may be asked for, numpy's where a command
only wants its image.

What an experiment is made of (cells, axes, panels, sources) is written once for both, with the functions
that the two libraries call by the same names. Annotations say `Tensor`, which stands for an array of either.
Torch is never imported here: a caller that wants it passes it in.
"""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.config.checks import Scalar

if TYPE_CHECKING:
    from torch import Tensor


def library_of(array: object) -> Any:
    """torch for a tensor, else numpy."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and isinstance(array, torch.Tensor) else np


def scalar(value: Scalar, xp: Any) -> "Tensor":
    """A 0-d float64 array of the library `xp`, with its graph where it has one."""
    if hasattr(value, "detach"):
        return _float64(value, xp).reshape(())
    made: Tensor = xp.asarray(float(value), dtype=xp.float64)
    return made


def _float64(tensor: Any, xp: Any) -> "Tensor":
    """A tensor from a configuration, wherever it lives, with its graph."""
    moved: Tensor = tensor.to("cpu", xp.float64)
    return moved


def stacked(values: Iterable[Scalar], xp: Any) -> "Tensor":
    """A 1-d float64 array of several numbers."""
    if hasattr(values, "detach"):
        return _float64(values, xp)
    made: Tensor = xp.stack([scalar(value, xp) for value in values])
    return made


def table_of(rows: "Iterable[Iterable[float]] | Tensor", xp: Any) -> "Tensor":
    """A 2-d float64 array of rows of numbers."""
    if hasattr(rows, "detach"):
        return _float64(rows, xp)
    made: Tensor = xp.asarray([list(row) for row in rows], dtype=xp.float64)
    return made


def cross(left: "Tensor", right: "Tensor") -> "Tensor":
    """left x right over the last axis."""
    xp = library_of(left)
    product: Any = (np.cross if xp is np else xp.linalg.cross)(left, right)
    return product  # type: ignore[no-any-return]


def length(vector: "Tensor") -> "Tensor":
    """Euclidean norm over the last axis."""
    norm: Tensor = library_of(vector).linalg.norm(vector, axis=-1)
    return norm


def bare(array: "Tensor") -> "Tensor":
    """The numbers without their graph."""
    return array.detach() if hasattr(array, "detach") else array


def has_graph(array: object) -> bool:
    """Whether a gradient may flow through it."""
    return bool(getattr(array, "requires_grad", False))


def array_of(array: "Tensor", xp: Any) -> "Tensor":
    """The same as an array of the library `xp`; a tensor keeps its graph."""
    found: Tensor = array if library_of(array) is xp else xp.asarray(array)
    return found


def as_numpy(array: "Tensor") -> "np.ndarray[Any, Any]":
    """A numpy array without a graph: the same memory where that is possible."""
    if hasattr(array, "detach"):
        found: np.ndarray[Any, Any] = array.detach().cpu().contiguous().numpy()
        return found
    return np.ascontiguousarray(array)

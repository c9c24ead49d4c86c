"""The built library as Python functions: C structures, array pointers, and nothing about physics."""

import ctypes
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.simulator.native.build import build

MOST_COEFFICIENTS = 8
LONG, DOUBLE, POINTER = ctypes.c_int64, ctypes.c_double, ctypes.c_void_p
SUFFIX = {np.dtype(np.float64): "f64", np.dtype(np.float32): "f32"}

Numbers: TypeAlias = NDArray[Any]


class CScene(ctypes.Structure):
    """Mirrors `Scene` of kernel.c, field by field."""

    _fields_ = (
        *((name, LONG) for name in ("spixels", "fpixels", "first_column", "columns", "first_row")),
        *(
            (name, LONG)
            for name in ("oversample", "layers", "thick", "shape", "polarized", "kahn_zero", "point_pixel")
        ),
        *((name, LONG) for name in ("omega_from", "polarization_from", "capture_from")),
        *((name, LONG) for name in ("orientations", "sources", "polynomial", "degree", "odd", "has_table")),
        ("table_shape", LONG * 3),
        ("table_lowest", LONG * 3),
        *((name, DOUBLE * 3) for name in ("origin", "fast", "slow", "normal")),
        *((name, DOUBLE) for name in ("pixel", "close", "layer_step", "absorption", "kahn", "fudge", "dmin")),
        *((name, DOUBLE) for name in ("amplitude", "default_square")),
        ("cells", DOUBLE * 3),
        ("metric", DOUBLE * 9),
        ("coefficients", (DOUBLE * MOST_COEFFICIENTS) * 3),
        ("even", DOUBLE * 3),
    )


class CSource(ctypes.Structure):
    """Mirrors `Source` of kernel.c."""

    _fields_ = (
        ("direction", DOUBLE * 3),
        ("electric", DOUBLE * 3),
        ("magnetic", DOUBLE * 3),
        ("inverse_wavelength", DOUBLE),
        ("weight", DOUBLE),
    )


@dataclass(frozen=True)
class Packed:
    """A scene as the library reads it: the fixed part, the sources, and arrays that must outlive the call."""

    scene: CScene
    sources: "ctypes.Array[CSource]"
    real: Numbers
    table: Numbers | None


class Library:
    """The functions of one loaded library."""

    def __init__(self, path: str, how: str) -> None:
        self.path, self.how = path, how
        self._library = ctypes.CDLL(path)

    def image(self, packed: Packed, *, out: Numbers, span: tuple[int, int], threads: int) -> None:
        """Fill `out` with the photons of pixels span[0] ... span[1] - 1 of the region of interest."""
        call = getattr(self._library, f"image_{SUFFIX[out.dtype]}")
        call.restype = None
        call(*_leading(packed), _at(out), LONG(span[0]), LONG(span[1]), ctypes.c_int(threads))

    def pullback(
        self, packed: Packed, *, upstream: Numbers, span: tuple[int, int], threads: int
    ) -> NDArray[np.float64]:
        """[R, 3, 3]: the gradient of sum(upstream x image) by the lattice vectors."""
        call = getattr(self._library, f"pullback_{SUFFIX[upstream.dtype]}")
        call.restype = None
        grad = np.zeros((threads, len(packed.real), 3, 3))
        limits = (LONG(span[0]), LONG(span[1]), ctypes.c_int(threads))
        call(*_leading(packed), _at(upstream), _at(grad), *limits)
        total: NDArray[np.float64] = grad.sum(0)
        return total

    def noise(self, pixels: NDArray[np.float32], seed: int) -> None:
        """Replace float32 means by Poisson deviates."""
        self._library.poisson_deviates.restype = None
        self._library.poisson_deviates(_at(pixels), LONG(pixels.size), LONG(seed))


def _leading(packed: Packed) -> tuple[Any, ...]:
    """The arguments that all calls begin with."""
    return ctypes.byref(packed.scene), packed.sources, _at(packed.real), _at(packed.table)


def _at(array: Numbers | None) -> ctypes.c_void_p:
    """The address of a contiguous array's numbers."""
    if array is None:
        return POINTER(None)
    assert array.flags.c_contiguous
    return POINTER(array.ctypes.data)


def load(environ: Mapping[str, str] = os.environ) -> Library | str:
    """The library, or the reason why there is none."""
    built = build(environ)
    if built.path is None:
        return built.how
    try:
        return Library(str(built.path), built.how)
    except OSError as error:
        return f"the kernel could not be loaded: {error}"

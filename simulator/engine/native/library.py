"""Call the built library from Python: C structures and array pointers, without any physics."""

import ctypes
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.engine.native.build import Built, build, compiler

MOST_COEFFICIENTS = 8
"""As in kernel.c: a polynomial of N cells has at most (POLYNOMIAL_LIMIT + 1) // 2 coefficients."""

LONG, DOUBLE, POINTER = ctypes.c_int64, ctypes.c_double, ctypes.c_void_p

SUFFIX = {np.dtype(np.float64): "f64", np.dtype(np.float32): "f32"}
"""By precision, the end of the names of the library's functions."""

Numbers: TypeAlias = NDArray[Any]


class CScene(ctypes.Structure):
    """Mirror of `Scene` in kernel.c, field by field."""

    _fields_ = (
        ("spixels", LONG),
        ("fpixels", LONG),
        ("first_column", LONG),
        ("columns", LONG),
        ("first_row", LONG),
        ("oversample", LONG),
        ("layers", LONG),
        ("thick", LONG),
        ("shape", LONG),
        ("polarized", LONG),
        ("kahn_zero", LONG),
        ("point_pixel", LONG),
        ("omega_from", LONG),
        ("polarization_from", LONG),
        ("capture_from", LONG),
        ("orientations", LONG),
        ("sources", LONG),
        ("polynomial", LONG),
        ("degree", LONG),
        ("odd", LONG),
        ("has_table", LONG),
        ("table_shape", LONG * 3),
        ("table_lowest", LONG * 3),
        ("origin", DOUBLE * 3),
        ("fast", DOUBLE * 3),
        ("slow", DOUBLE * 3),
        ("normal", DOUBLE * 3),
        ("pixel", DOUBLE),
        ("close", DOUBLE),
        ("layer_step", DOUBLE),
        ("absorption", DOUBLE),
        ("kahn", DOUBLE),
        ("fudge", DOUBLE),
        ("dmin", DOUBLE),
        ("amplitude", DOUBLE),
        ("default_square", DOUBLE),
        ("cells", DOUBLE * 3),
        ("metric", DOUBLE * 9),
        ("coefficients", (DOUBLE * MOST_COEFFICIENTS) * 3),
        ("even", DOUBLE * 3),
    )


class CSource(ctypes.Structure):
    """Mirror of `Source` in kernel.c."""

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
        """Replace float32 means by Poisson deviates, in place."""
        self._library.poisson_deviates.restype = None
        self._library.poisson_deviates(_at(pixels), LONG(pixels.size), LONG(seed))


def _leading(packed: Packed) -> tuple[Any, ...]:
    """The arguments that each call begins with."""
    return ctypes.byref(packed.scene), packed.sources, _at(packed.real), _at(packed.table)


def _at(array: Numbers | None) -> ctypes.c_void_p:
    """The address of a contiguous array's numbers."""
    if array is None:
        return POINTER(None)
    assert array.flags.c_contiguous
    return POINTER(array.ctypes.data)


def load(environ: Mapping[str, str] = os.environ) -> Library | str:
    """Build or find the library and load it; a text says why there is none."""
    found = _load(build(environ))
    if isinstance(found, str) and compiler(environ) is not None:
        # A cached file may be damaged, or miss what its compiler brought along: built once more, it may load.
        return _load(build(environ, anew=True))
    return found


def _load(built: Built) -> Library | str:
    if built.path is None:
        return built.how
    try:
        return Library(str(built.path), built.how)
    except OSError as error:
        return f"the kernel could not be loaded: {error}"

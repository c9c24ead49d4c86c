"""Call the built library from Python: C structures and array pointers, without any physics."""

import ctypes
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.config.checks import GENERATOR_MODULUS
from simulator.engine.native.build import Built, build

MOST_COEFFICIENTS = 8
"""As in kernel.c: a polynomial of N cells has at most (POLYNOMIAL_LIMIT + 1) // 2 coefficients."""

PREBUILT = Path(__file__).with_name("prebuilt.so")
"""The library that a wheel brings along (`hatch_build.py`); a checkout has none."""

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


class CEntry(ctypes.Structure):
    """Mirror of `Entry` in kernel.c."""

    _fields_ = (
        ("scene", POINTER),
        ("sources", POINTER),
        ("real", POINTER),
        ("table", POINTER),
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

    def __init__(self, path: Path, how: str) -> None:
        self.path, self.how = path, how
        self._library = ctypes.CDLL(str(path))

    def level(self) -> str | None:
        """Which variant of a library for all processors serves this one; None: none does."""
        self._library.level.restype = ctypes.c_char_p
        found: bytes | None = self._library.level()
        return None if found is None else found.decode()

    def image(self, batch: Sequence[Packed], *, out: Numbers, span: tuple[int, int], threads: int) -> None:
        """Fill `out` [image, pixel] with the photons of pixels span[0] ... span[1] - 1 of each region."""
        call = getattr(self._library, f"image_{SUFFIX[out.dtype]}")
        call.restype = None
        limits = (LONG(span[0]), LONG(span[1]), ctypes.c_int(threads))
        call(_entries(batch), LONG(len(batch)), _at(out), *limits)

    def pullback(
        self, batch: Sequence[Packed], *, upstream: Numbers, span: tuple[int, int], threads: int
    ) -> NDArray[np.float64]:
        """[image, R, 3, 3]: the gradient of sum(upstream x image) by the lattice vectors of each image."""
        call = getattr(self._library, f"pullback_{SUFFIX[upstream.dtype]}")
        call.restype = None
        grad = np.zeros((threads, len(batch), len(batch[0].real), 3, 3))
        limits = (LONG(span[0]), LONG(span[1]), ctypes.c_int(threads))
        call(_entries(batch), LONG(len(batch)), _at(upstream), _at(grad), *limits)
        total: NDArray[np.float64] = grad.sum(0)
        return total

    def noise(self, pixels: NDArray[np.float32], seed: int) -> None:
        """Replace float32 means by Poisson deviates, in place."""
        self._library.poisson_deviates.restype = None
        # The generator counts by this modulus; C's products of larger numbers would overflow.
        start = abs(seed) % GENERATOR_MODULUS
        self._library.poisson_deviates(_at(pixels), LONG(pixels.size), LONG(start))


def _entries(batch: Sequence[Packed]) -> "ctypes.Array[CEntry]":
    """The images of a batch as the library reads them."""
    entries = (CEntry * len(batch))()
    for entry, packed in zip(entries, batch, strict=True):
        entry.scene = ctypes.addressof(packed.scene)
        entry.sources = ctypes.addressof(packed.sources)
        entry.real = packed.real.ctypes.data
        entry.table = None if packed.table is None else packed.table.ctypes.data
    return entries


def _at(array: Numbers) -> ctypes.c_void_p:
    """The address of a contiguous array's numbers."""
    assert array.flags.c_contiguous
    return POINTER(array.ctypes.data)


def load(environ: Mapping[str, str] = os.environ) -> Library | str:
    """Load the library that the package brings, else find or build one; a text says why there is none."""
    brought = prebuilt()
    if brought is not None:
        return brought
    found = _load(build(environ))
    if isinstance(found, str):
        # A cached file may be damaged, or miss what its compiler brought along: built once more, it may load.
        again = build(environ, anew=True)
        return found if again.path is None else _load(again)
    return found


def prebuilt() -> Library | None:
    """Load the library of the wheel; None: there is none that this machine can run."""
    if not PREBUILT.exists():
        return None
    try:
        library = Library(PREBUILT, "prebuilt")
        level = library.level()
    except (OSError, AttributeError):
        return None
    if level is None:
        return None
    library.how = f"prebuilt, {level}"
    return library


def _load(built: Built) -> Library | str:
    if built.path is None:
        return built.how
    try:
        return Library(built.path, built.how)
    except OSError as error:
        return f"the kernel could not be loaded: {error}"

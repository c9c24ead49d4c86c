"""Call the built library from Python: C structures and array pointers, without any physics, torch or numpy.

Arrays are numpy's or ctypes' own, contiguous, of C's doubles or floats.
"""

import ctypes
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from simulator.config.checks import GENERATOR_MODULUS
from simulator.engine.native.build import Built, build

MOST_COEFFICIENTS = 8
"""As in kernel.c: a polynomial of N cells has at most (POLYNOMIAL_LIMIT + 1) // 2 coefficients."""

PREBUILT = Path(__file__).with_name("prebuilt.so")
"""The library that a wheel brings along (`hatch_build.py`); a checkout has none."""

LONG, DOUBLE, POINTER = ctypes.c_int64, ctypes.c_double, ctypes.c_void_p

SUFFIX = {"d": "f64", "f": "f32"}
"""By the letter of an array's numbers, the end of the names of the library's functions."""

Buffer: TypeAlias = Any
"""A contiguous array of numpy, or of ctypes."""


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
    real: Buffer
    table: Buffer | None


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

    def image(self, batch: Sequence[Packed], *, out: Buffer, span: tuple[int, int], threads: int) -> None:
        """Fill `out` [image, pixel] with the photons of pixels span[0] ... span[1] - 1 of each region."""
        call = getattr(self._library, f"image_{_suffix(out)}")
        call.restype = None
        limits = (LONG(span[0]), LONG(span[1]), ctypes.c_int(threads))
        call(_entries(batch), LONG(len(batch)), _at(out), *limits)

    def pullback(
        self,
        batch: Sequence[Packed],
        *,
        upstream: Buffer,
        span: tuple[int, int],
        threads: int,
        grad: Buffer,
    ) -> None:
        """Add the gradient of sum(upstream x image) by the lattice vectors of each image to `grad`.

        `grad` [thread, image, R, 3, 3] of doubles: each thread adds to its own.
        """
        call = getattr(self._library, f"pullback_{_suffix(upstream)}")
        call.restype = None
        limits = (LONG(span[0]), LONG(span[1]), ctypes.c_int(threads))
        call(_entries(batch), LONG(len(batch)), _at(upstream), _at(grad), *limits)

    def noise(self, pixels: Buffer, seed: int) -> None:
        """Replace float32 means by Poisson deviates, in place."""
        # The generator counts by this modulus; C's products of larger numbers would overflow.
        start = abs(seed) % GENERATOR_MODULUS
        count = memoryview(pixels).nbytes // ctypes.sizeof(ctypes.c_float)
        self.call("poisson_deviates", pixels, count, start)

    def call(self, name: str, *arguments: Buffer, returns: Any = None) -> Any:
        """Call a function by its name: whole numbers become int64, floats doubles, arrays their addresses."""
        function = getattr(self._library, name)
        function.restype = returns
        return function(*[_argument(argument) for argument in arguments])


def _argument(value: Buffer) -> Any:
    """A value as the library takes it; ctypes' own values stay."""
    if isinstance(value, int):
        return LONG(value)
    if isinstance(value, float):
        return DOUBLE(value)
    if isinstance(value, (POINTER, ctypes.c_float)):
        return value
    return _at(value)


def _suffix(array: Buffer) -> str:
    """The end of the names of the functions for numbers of this precision."""
    return SUFFIX[memoryview(array).format[-1]]


def _entries(batch: Sequence[Packed]) -> "ctypes.Array[CEntry]":
    """The images of a batch as the library reads them."""
    entries = (CEntry * len(batch))()
    for entry, packed in zip(entries, batch, strict=True):
        entry.scene = ctypes.addressof(packed.scene)
        entry.sources = ctypes.addressof(packed.sources)
        entry.real = _at(packed.real)
        entry.table = None if packed.table is None else _at(packed.table)
    return entries


def _at(array: Buffer) -> ctypes.c_void_p:
    """The address of a contiguous array's numbers."""
    if isinstance(array, ctypes.Array):
        return POINTER(ctypes.addressof(array))
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

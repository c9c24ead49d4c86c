"""Write images [slow, fast] of photons as raw floats, 16-bit counts, 8-bit pictures and NumPy arrays.

Numpy is not loaded here: an image may lie in memory that the kernel filled (`engine/native/image.py`), which
a command writes sooner than numpy loads. `numpy_image.py` has the image that is a numpy array.
"""

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from simulator.io.files import Bytes, write_parts, write_whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TOP = 65535
"""The largest 16-bit count."""

FULL_SCALE = 55000.0
"""ADU of the brightest pixel under the automatic scale, as in the reference."""

PICTURE_GREY = 250.0
"""Grey level of a pixel PICTURE_SIGMAS root mean square deviations above 0, as in the reference."""

PICTURE_SIGMAS = 5.0

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

NUMPY_MAGIC = b"\x93NUMPY\x01\x00"
"""The first bytes of a .npy file of version 1.0."""

NUMPY_BLOCK = 64
"""The head of a .npy file is padded to a multiple of this many bytes."""


class Photons(Protocol):
    """An image and its region of interest; everything that files are made of."""

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels along slow and fast."""

    @property
    def precision(self) -> str:
        """Precision of the pixels: float64 or float32."""

    def total(self) -> float:
        """The sum of all pixels."""

    def extremes(self) -> tuple[float, float]:
        """The least and the greatest pixel; NaN where one is no number."""

    def brightest(self) -> float:
        """The greatest pixel of the region of interest, rounded to float32; 0 without one above it."""

    def floats(self) -> Iterable[Bytes]:
        """All pixels as float32, part by part."""

    def numbers(self) -> Iterable[Bytes]:
        """All pixels in their own precision, part by part."""

    def counts(self, scale: float, adc: float) -> tuple[Bytes, int]:
        """floor(float32(I scale + adc + 1/2)), within 0 ... 65535, as 16 bits; 0 outside the region.

        I is rounded to float32 before, as the reference holds its image. And how many pixels were cut to the
        range.
        """

    def deviation(self) -> float:
        """Root mean square deviation of the region's pixels from their mean, rounded to float32 before.

        That of a sample: the squares are divided by one less than the number of pixels. 0 for one pixel.
        """

    def grey(self, scale: float) -> Bytes:
        """trunc(I scale), within 0 ... 255, as bytes; I is rounded to float32 before."""

    def noisy(self, seed: int, adc: float) -> tuple[Bytes, int]:
        """trunc(Poisson deviate + adc), within 0 ... 65535, as 16 bits; 0 outside the region.

        Deviates follow from the (negative) seed in row order. And how many pixels were above the range.
        """

    def array(self) -> "NDArray[np.floating]":
        """All pixels as a numpy array [slow, fast]."""


def write_float(path: Path, photons: Photons) -> None:
    """Write float32 in native byte order, fast axis first, without a header."""
    write_parts(path, photons.floats())


def write_numpy(path: Path, photons: Photons) -> None:
    """Write a .npy file (version 1.0) in the image's own precision."""
    import sys

    order = "<" if sys.byteorder == "little" else ">"
    letter = {"float64": "f8", "float32": "f4"}[photons.precision]
    description = {"descr": order + letter, "fortran_order": False, "shape": photons.shape}
    # The text is closed by a line end, behind blanks that fill the last block; its length is two bytes.
    text = repr(description).encode("ascii")
    before = len(NUMPY_MAGIC) + 2
    padding = -(before + len(text) + 1) % NUMPY_BLOCK
    head = text + b" " * padding + b"\n"
    write_parts(path, [NUMPY_MAGIC, len(head).to_bytes(2, "little"), head, *photons.numbers()])


def automatic_scale(photons: Photons) -> float:
    """ADU per photon that bring the brightest pixel to 55000; 1 for a dark image."""
    brightest = photons.brightest()
    return FULL_SCALE / brightest if brightest > 0 else 1.0


def picture_scale(photons: Photons) -> float:
    """Grey levels per photon: 250 at five times the root mean square deviation; 1 for an even image."""
    deviation = photons.deviation()
    return PICTURE_GREY / (PICTURE_SIGMAS * deviation) if deviation > 0 else 1.0


def write_pgm(path: Path, photons: Photons, *, scale: float) -> None:
    """Write a binary PGM, grey level trunc(min(255, I scale)), with the scale in a comment."""
    rows, columns = photons.shape
    head = f"P5\n{columns} {rows}\n# pixels scaled by {scale:g}\n255\n"
    write_parts(path, [head.encode("ascii"), photons.grey(scale)])


def write_png(path: Path, grey: "NDArray[np.uint8]") -> None:
    """Write an 8-bit grey PNG."""
    height, width = grey.shape
    # A 0 before each row: no filter.
    rows = b"".join(b"\0" + grey[row].tobytes() for row in range(height))
    # 8 bits a pixel, grey, and the only compression, filter and interlace methods there are without extras.
    kind = bytes((8, 0, 0, 0, 0))
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + kind
    chunks = (
        _png_chunk(b"IHDR", head),
        _png_chunk(b"IDAT", zlib.compress(rows, 6)),
        _png_chunk(b"IEND", b""),
    )
    write_whole(path, PNG_SIGNATURE + b"".join(chunks))


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    """Length, kind, body and checksum."""
    checksum = zlib.crc32(kind + body)
    return len(body).to_bytes(4, "big") + kind + body + checksum.to_bytes(4, "big")

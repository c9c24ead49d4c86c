"""Write images [slow, fast] of photons as raw floats, 16-bit counts, 8-bit pictures and NumPy arrays."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.io.files import write_parts, write_whole

Image = NDArray[np.floating]

TOP = 65535
"""The largest 16-bit count."""

BLOCK_PIXELS = 1 << 17
"""Pixels converted at once: about a megabyte of float64."""

FULL_SCALE = 55000.0
"""ADU of the brightest pixel under the automatic scale, as in the reference."""

PICTURE_GREY = 250.0
"""Grey level of a pixel PICTURE_SIGMAS root mean square deviations above 0, as in the reference."""

PICTURE_SIGMAS = 5.0

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Window:
    """The region of interest as slices of [slow, fast]."""

    rows: slice
    columns: slice

    def of(self, image: Image) -> Image:
        """Cut its pixels out of an image."""
        return image[self.rows, self.columns]


def row_blocks(image: Image) -> Iterator[tuple[slice, Image]]:
    """Cut into consecutive blocks of rows, so that large images are converted without large copies."""
    rows = max(1, BLOCK_PIXELS // max(image.shape[1], 1))
    for start in range(0, image.shape[0], rows):
        block = slice(start, min(start + rows, image.shape[0]))
        yield block, image[block]


def write_float(path: Path, image: Image) -> None:
    """Write float32 in native byte order, fast axis first, without a header."""
    parts = (np.ascontiguousarray(part, dtype=np.float32).data for _, part in row_blocks(image))
    write_parts(path, parts)


def write_numpy(path: Path, image: Image) -> None:
    """Write a .npy file in the image's own precision."""
    buffer = io.BytesIO()
    np.save(buffer, image)
    write_whole(path, buffer.getvalue())


def automatic_scale(image: Image, window: Window) -> float:
    """ADU per photon that bring the brightest pixel to 55000; 1 for a dark image."""
    brightest = float(np.float32(window.of(image).max(initial=0.0)))
    return FULL_SCALE / brightest if brightest > 0 else 1.0


def counts(image: Image, window: Window, *, scale: float, adc: float) -> NDArray[np.uint16]:
    """floor(float32(I scale + adc + 1/2)), within 0 ... 65535; 0 outside the window."""
    found = np.zeros(image.shape, dtype=np.uint16)
    target = found[window.rows, window.columns]
    for rows, part in row_blocks(window.of(image)):
        # Through float32, in which the reference holds its image.
        pixels = part.astype(np.float32).astype(np.float64)
        value = np.floor((pixels * scale + adc + 0.5).astype(np.float32))
        target[rows] = np.clip(value, 0, TOP)
    return found


def beyond_range(image: Image, window: Window, *, scale: float, adc: float) -> int:
    """Count the pixels that `counts` cuts to 0 or to 65535."""
    pixels = window.of(image)
    if pixels.size == 0:
        return 0
    ends = np.array([pixels.min(), pixels.max()], dtype=np.float32).astype(np.float64) * scale + adc + 0.5
    if ends.min() >= 0 and ends.max() < TOP + 1:
        return 0
    found = 0
    for _, part in row_blocks(window.of(image)):
        value = part.astype(np.float32).astype(np.float64) * scale + adc + 0.5
        found += int(((value < 0) | (value >= TOP + 1)).sum())
    return found


def read_out(noise: Image, window: Window, *, adc: float) -> tuple[NDArray[np.uint16], int]:
    """deviate + adc, cut at 65535 and truncated, 0 outside the window; and how many pixels were cut."""
    found = np.zeros(noise.shape, dtype=np.uint16)
    value = np.float32(window.of(noise)) + np.float32(adc)
    overloads = int((value > TOP).sum())
    found[window.rows, window.columns] = np.clip(value, 0, TOP).astype(np.uint16)
    return found, overloads


def picture_scale(image: Image, window: Window) -> float:
    """Grey levels per photon: 250 at five times the root mean square deviation; 1 for an even image.

    The deviation is that of a sample: the squares are divided by one less than the number of pixels.
    """
    pixels = np.float32(window.of(image)).astype(np.float64)
    if pixels.size < 2:
        return 1.0
    deviation = float(pixels.std(ddof=1))
    if deviation <= 0:
        return 1.0
    return PICTURE_GREY / (PICTURE_SIGMAS * deviation)


def write_pgm(path: Path, image: Image, *, scale: float) -> None:
    """Write a binary PGM, grey level trunc(min(255, I scale)), with the scale in a comment."""
    grey = np.minimum(255.0, np.float32(image).astype(np.float64) * scale)
    grey = np.maximum(grey, 0)
    rows, columns = image.shape
    head = f"P5\n{columns} {rows}\n# pixels scaled by {scale:g}\n255\n"
    write_whole(path, head.encode("ascii") + grey.astype(np.uint8).tobytes())


def write_png(path: Path, grey: NDArray[np.uint8]) -> None:
    """Write an 8-bit grey PNG."""
    height, width = grey.shape
    # A 0 before each row: no filter.
    rows = b"".join(b"\0" + grey[row].tobytes() for row in range(height))
    # 8 bits a pixel, grey, and the only compression, filter and interlace methods there are without extras.
    kind = bytes((8, 0, 0, 0, 0))
    import zlib

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + kind
    chunks = (
        _png_chunk(b"IHDR", head),
        _png_chunk(b"IDAT", zlib.compress(rows, 6)),
        _png_chunk(b"IEND", b""),
    )
    write_whole(path, PNG_SIGNATURE + b"".join(chunks))


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    """Length, kind, body and checksum."""
    import zlib

    checksum = zlib.crc32(kind + body)
    return len(body).to_bytes(4, "big") + kind + body + checksum.to_bytes(4, "big")

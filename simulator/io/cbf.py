"""CBF images: a text header, then 32-bit counts as byte-offset differences."""

import base64
import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.io.files import write_whole

START = b"\x0c\x1a\x04\xd5"
"""The four bytes that the format puts before the binary data."""

PADDING = 4095
"""Zeros behind the binary data, as detectors write them."""

ESCAPE = 0x80
"""As a one-byte difference: a two-byte difference follows; 0x8000 there: a four-byte difference follows."""

ONE_BYTE, TWO_BYTES = 127, 32767
"""Largest differences that one and two bytes hold beside the escapes."""


def byte_offset(values: NDArray[np.int32]) -> bytes:
    """Encode differences from pixel to pixel in one byte each, or behind escapes in two or four."""
    steps = np.diff(values.reshape(-1).astype(np.int64), prepend=0)
    small = np.abs(steps) <= ONE_BYTE
    middle = ~small & (np.abs(steps) <= TWO_BYTES)
    large = ~small & ~middle
    # 1 byte; the escape and 2 bytes; the escape, its two-byte form and 4 bytes.
    width = np.where(small, 1, np.where(middle, 3, 7))
    end = np.cumsum(width)
    start = end - width
    out = np.empty(int(end[-1]) if len(end) else 0, dtype=np.uint8)
    out[start[small]] = steps[small].astype(np.int8).view(np.uint8)
    out[start[~small]] = ESCAPE
    pairs = steps[middle].astype("<i2").view(np.uint8).reshape(-1, 2)
    for byte in range(2):
        out[start[middle] + 1 + byte] = pairs[:, byte]
    out[start[large] + 1] = 0x00
    out[start[large] + 2] = ESCAPE
    quads = steps[large].astype("<i4").view(np.uint8).reshape(-1, 4)
    for byte in range(4):
        out[start[large] + 3 + byte] = quads[:, byte]
    return out.tobytes()


def write_cbf(path: Path, values: NDArray[np.int32], comments: list[str]) -> None:
    """Write a one-image mini-CBF of counts [slow, fast]; `comments` are the lines of an SLS 1.0 header."""
    body = byte_offset(values)
    digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode("ascii")
    rows, columns = values.shape
    head = [
        "###CBF: VERSION 1.5, simulated",
        "",
        "data_image",
        "",
        '_array_data.header_convention "SLS_1.0"',
        "_array_data.header_contents",
        ";",
        *(f"# {line}" for line in comments),
        ";",
        "",
        "_array_data.data",
        ";",
        "--CIF-BINARY-FORMAT-SECTION--",
        "Content-Type: application/octet-stream;",
        '     conversions="x-CBF_BYTE_OFFSET"',
        "Content-Transfer-Encoding: BINARY",
        f"X-Binary-Size: {len(body)}",
        "X-Binary-ID: 1",
        'X-Binary-Element-Type: "signed 32-bit integer"',
        "X-Binary-Element-Byte-Order: LITTLE_ENDIAN",
        f"Content-MD5: {digest}",
        f"X-Binary-Number-of-Elements: {values.size}",
        f"X-Binary-Size-Fastest-Dimension: {columns}",
        f"X-Binary-Size-Second-Dimension: {rows}",
        f"X-Binary-Size-Padding: {PADDING}",
        "",
        "",
    ]
    tail = b"\0" * PADDING + b"\r\n--CIF-BINARY-FORMAT-SECTION----\r\n;\r\n"
    write_whole(path, "\r\n".join(head).encode("ascii") + START + body + tail)

"""CBF images: a text header, then 32-bit counts as byte-offset differences."""

import base64
import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.io.files import write_whole

START = b"\x0c\x1a\x04\xd5"


def byte_offset(values: NDArray[np.int32]) -> bytes:
    """Differences in one byte, or behind an escape in two or four."""
    steps = np.diff(values.reshape(-1).astype(np.int64), prepend=0)
    small = np.abs(steps) <= 127
    middle = ~small & (np.abs(steps) <= 32767)
    width = np.where(small, 1, np.where(middle, 3, 7))
    end = np.cumsum(width)
    out = np.empty(int(end[-1]) if len(end) else 0, dtype=np.uint8)
    at = end - width
    out[at[small]] = steps[small].astype(np.int8).view(np.uint8)
    out[at[~small]] = 0x80
    pairs = steps[middle].astype("<i2").view(np.uint8).reshape(-1, 2)
    for byte in range(2):
        out[at[middle] + 1 + byte] = pairs[:, byte]
    large = ~small & ~middle
    out[at[large] + 1], out[at[large] + 2] = 0x00, 0x80
    quads = steps[large].astype("<i4").view(np.uint8).reshape(-1, 4)
    for byte in range(4):
        out[at[large] + 3 + byte] = quads[:, byte]
    return out.tobytes()


def write_cbf(path: Path, values: NDArray[np.int32], comments: list[str]) -> None:
    """A one-image mini-CBF with comment lines in its header."""
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
        "X-Binary-Size-Padding: 4095",
        "",
        "",
    ]
    tail = b"\0" * 4095 + b"\r\n--CIF-BINARY-FORMAT-SECTION----\r\n;\r\n"
    write_whole(path, "\r\n".join(head).encode("ascii") + START + body + tail)

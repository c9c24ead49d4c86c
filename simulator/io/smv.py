"""SMV images: a 512-byte text header, then unsigned 16-bit pixels, fast axis first."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.config import SimulatorError
from simulator.io.files import read_whole, write_parts

HEADER_BYTES = 512
MOST = 10**6
"""Bytes of a header, and pixels along an edge, beyond which a file is not believed."""

ENTRY = re.compile(r"([A-Za-z0-9_]+)\s*=\s*([^;\n}]*)")
KINDS = {
    "unsigned_short": "u2",
    "signed_short": "i2",
    "unsigned_long": "u4",
    "signed_long": "i4",
    "float": "f4",
}


@dataclass(frozen=True)
class Header:
    """Entries of a header as text; of a keyword given twice, the last."""

    entries: dict[str, str]

    def number(self, name: str) -> float | None:
        """The entry as a number, or None where it is missing or not a number."""
        for key in (name, f"XDS_{name}"):
            try:
                return float(self.entries[key])
            except (KeyError, ValueError):
                continue
        return None

    def updated(self, other: "Header") -> "Header":
        """This header with the entries of another on top."""
        return Header({**self.entries, **other.entries})

    def with_flipped_centre(self) -> "Header":
        """BEAM_CENTER_Y measured from the other edge: slow size - Y."""
        y, rows, pixel = (self.number(name) for name in ("BEAM_CENTER_Y", "SIZE2", "PIXEL_SIZE"))
        if y is None or rows is None or pixel is None:
            return self
        return self.updated(Header({"BEAM_CENTER_Y": repr(rows * pixel - y)}))


def encode_header(entries: list[tuple[str, str]]) -> bytes:
    """`{`, one `KEY=value;` a line, `}`, a form feed, and blanks up to 512 bytes. DIALS_ORIGIN has no
    semicolon."""
    body = "".join(f"{key}={value}{'' if key == 'DIALS_ORIGIN' else ';'}\n" for key, value in entries)
    raw = ("{\n" + body + "}\f").encode("ascii")
    if len(raw) > HEADER_BYTES:
        raise SimulatorError(f"the SMV header takes {len(raw)} bytes: {HEADER_BYTES} are allowed")
    return raw.ljust(HEADER_BYTES, b" ")


def write_smv(path: Path, entries: list[tuple[str, str]], pixels: NDArray[np.uint16]) -> None:
    """Header and pixels in the machine's byte order, which the header names."""
    write_parts(path, [encode_header(entries), np.ascontiguousarray(pixels, dtype="=u2").data])


def byte_order() -> str:
    """The name that the header gives to this machine's byte order."""
    return "little_endian" if sys.byteorder == "little" else "big_endian"


def read_smv(path: Path) -> tuple[NDArray[np.generic], Header]:
    """Pixels [slow, fast] and the header."""
    raw = read_whole(path, "SMV image")
    text = raw[: raw.find(b"}") + 1][:65536].decode("ascii", errors="replace")
    if not text.startswith("{"):
        raise SimulatorError(f"{path} is not an SMV image: it does not begin with a header in braces")
    header = Header({key: value.strip() for key, value in ENTRY.findall(text)})
    size, fast, slow = (header.number(name) for name in ("HEADER_BYTES", "SIZE1", "SIZE2"))
    if size is None or fast is None or slow is None or not all(1 <= n <= MOST for n in (size, fast, slow)):
        raise SimulatorError(
            f"{path}: the header lacks HEADER_BYTES, SIZE1 or SIZE2, or they are not within 1 ... {MOST}"
        )
    order = "<" if header.entries.get("BYTE_ORDER", "little_endian").startswith("little") else ">"
    kind = KINDS.get(header.entries.get("TYPE", "unsigned_short"))
    if kind is None:
        raise SimulatorError(f"{path}: pixels of type {header.entries['TYPE']!r} are not known")
    count = int(fast) * int(slow)
    body = raw[int(size) :]
    if len(body) < count * int(kind[1]):
        raise SimulatorError(f"{path} is cut short: {int(fast)} x {int(slow)} pixels are announced")
    return np.frombuffer(body, dtype=order + kind, count=count).reshape(int(slow), int(fast)), header

"""SMV images: a text header of 512 bytes or a multiple, then unsigned 16-bit pixels, fast axis first."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.config import SimulatorError
from simulator.io.files import Bytes, read_whole, write_parts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HEADER_BLOCK = 512
"""A header is padded to a multiple of this many bytes."""

MOST = 10**6
"""Bytes of a header, and pixels along an edge, beyond which a file is not believed."""

ENTRY = re.compile(
    r"""
    ( [A-Za-z0-9_]+ )  # key
    \s* = \s*
    ( [^;\n}]* )       # value, up to a semicolon, the end of the line or of the header
    """,
    re.VERBOSE,
)
"""`SIZE1=1024;`, and `DIALS_ORIGIN=100,11,-16` without a semicolon."""

LONGEST_HEADER = 65536
"""Bytes in which entries are looked for: a file without a closing brace is not searched to its end."""

KINDS = {
    "unsigned_short": "u2",
    "signed_short": "i2",
    "unsigned_long": "u4",
    "signed_long": "i4",
    "float": "f4",
}
"""Types of pixels by the name in the header, as numpy has them without the byte order: a letter, bytes."""


@dataclass(frozen=True)
class Header:
    """Entries of a header as text; of a key given twice, the last."""

    entries: dict[str, str]

    def number(self, name: str) -> float | None:
        """The entry `name`, or else XDS_`name`, as a number; None where neither is one."""
        for key in (name, f"XDS_{name}"):
            try:
                return float(self.entries[key])
            except (KeyError, ValueError):
                continue
        return None

    def updated(self, other: "Header") -> "Header":
        """Return this header with the entries of another on top."""
        return Header({**self.entries, **other.entries})

    def with_flipped_centre(self) -> "Header":
        """Return this header with BEAM_CENTER_Y measured from the other edge: slow size - Y, mm."""
        y = self.number("BEAM_CENTER_Y")
        rows = self.number("SIZE2")
        pixel = self.number("PIXEL_SIZE")
        if y is None or rows is None or pixel is None:
            return self
        return self.updated(Header({"BEAM_CENTER_Y": repr(rows * pixel - y)}))


def encode_header(entries: list[tuple[str, str]]) -> bytes:
    """Encode HEADER_BYTES and the entries, padded with blanks to as many blocks of 512 bytes as they need.

    `{`, one `KEY=value;` a line, `}`, a form feed. Readers find the pixels by HEADER_BYTES.
    """
    size = HEADER_BLOCK
    while True:
        raw = _header_text([("HEADER_BYTES", str(size)), *entries])
        if len(raw) <= size:
            return raw.ljust(size, b" ")
        size += HEADER_BLOCK


def _header_text(entries: list[tuple[str, str]]) -> bytes:
    """The header without its padding."""
    lines = ["{\n"]
    for key, value in entries:
        # The reference writes this one entry without a semicolon.
        end = "" if key == "DIALS_ORIGIN" else ";"
        lines.append(f"{key}={value}{end}\n")
    lines.append("}\f")
    return "".join(lines).encode("ascii")


def write_smv(path: Path, entries: list[tuple[str, str]], pixels: Bytes) -> None:
    """Write header and pixels: 16-bit counts in the machine's byte order, which the header names."""
    write_parts(path, [encode_header(entries), pixels])


def byte_order() -> str:
    """The name that the header gives to this machine's byte order."""
    return "little_endian" if sys.byteorder == "little" else "big_endian"


@dataclass(frozen=True)
class _Parts:
    """A file's header, its bytes behind the header, and what these are.

    kind         type of the pixels, as numpy has it: byte order, letter, bytes
    fast, slow   pixels along both axes
    """

    header: Header
    body: bytes
    kind: str
    fast: int
    slow: int


def read_header(path: Path) -> Header:
    """Read the header; raise a SimulatorError for anything but a whole SMV image."""
    return _parts(path).header


def read_smv(path: Path) -> "tuple[NDArray[np.generic], Header]":
    """Read pixels [slow, fast] and the header; raise a SimulatorError for anything but a whole SMV image."""
    # Only here: most commands read no pixels.
    import numpy as np

    parts = _parts(path)
    pixels: NDArray[Any] = np.frombuffer(parts.body, dtype=parts.kind, count=parts.fast * parts.slow)
    return pixels.reshape(parts.slow, parts.fast), parts.header


def _parts(path: Path) -> _Parts:
    """Take a file apart; raise a SimulatorError for anything but a whole SMV image."""
    raw = read_whole(path, "SMV image")
    end = raw.find(b"}") + 1
    text = raw[:end][:LONGEST_HEADER].decode("ascii", errors="replace")
    if not text.startswith("{"):
        raise SimulatorError(f"{path} is not an SMV image: it does not begin with a header in braces")
    header = Header({key: value.strip() for key, value in ENTRY.findall(text)})
    size = _whole_entry(path, header, "HEADER_BYTES")
    fast = _whole_entry(path, header, "SIZE1")
    slow = _whole_entry(path, header, "SIZE2")
    kind = _pixel_type(path, header)
    body = raw[size:]
    if len(body) < fast * slow * int(kind[-1]):
        raise SimulatorError(f"{path} is cut short: {fast} x {slow} pixels are announced")
    return _Parts(header, body, kind, fast, slow)


def _whole_entry(path: Path, header: Header, name: str) -> int:
    """A size of the header; without it the pixels cannot be found."""
    number = header.number(name)
    # Written so that a NaN is refused too.
    if number is None or not 1 <= number <= MOST:
        raise SimulatorError(
            f"{path}: the header lacks HEADER_BYTES, SIZE1 or SIZE2, or they are not within 1 ... {MOST}"
        )
    return int(number)


def _pixel_type(path: Path, header: Header) -> str:
    """The type of the pixels; little-endian unsigned shorts where the header does not say."""
    kind = KINDS.get(header.entries.get("TYPE", "unsigned_short"))
    if kind is None:
        raise SimulatorError(f"{path}: pixels of type {header.entries['TYPE']!r} are not known")
    little = header.entries.get("BYTE_ORDER", "little_endian").startswith("little")
    return ("<" if little else ">") + kind

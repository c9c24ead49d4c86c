"""Text of strangers: escape sequences and control characters removed, lengths bounded."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from triage.formats.limits import Limits, Notes

_ANSI = re.compile(
    r"(?:\x1b|#x1B|&#x1b;|␛)"
    r"(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]"  # colours, cursor
    r"|\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)"  # titles, links
    r"|[P^_X][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)"  # what a build server tells its own viewer
    r"|[@-Z\\^_])",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ud800-\udfff]")


def cleaned(text: str) -> str:
    """Without terminal escapes (raw, or as pytest's JUnit XML spells them) and control characters."""
    if text.isascii() and text.isprintable() and "#x1B" not in text:
        return text
    plain = _ANSI.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("\ufffd", plain)


_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
_PREFIX = re.compile(
    rf"\[?{_TIME}\]?(?: \d\d[OE]\+?)? ?"  # GitHub, Azure, GitLab (with its stream mark), Jenkins
    r"|\[\d\d:\d\d:\d\d(?:\.\d+)?\](?: *:)?[ \t]?"  # TeamCity, Jenkins
    r"|#\d{1,4} \d+\.\d+ ?"  # a container's build
)
_SECTION = re.compile(r"^(?:section_(?:start|end):\d+:[\w.-]*(?:\[[^\]\n]{0,200}\])?\s*)+")
_ASKED = 200
"""How many lines with text are asked whether they have a prefix."""


def unprefixed(head: str) -> Callable[[str], str]:
    """A function that takes the prefix off a line, if most lines of `head` have one; else only section marks.

    A log without a prefix may well have lines that begin with a time of their own: those stay.
    """
    lines = [line for line in head.splitlines() if line.strip()][:_ASKED]
    with_prefix = sum(_PREFIX.match(line) is not None for line in lines)
    if 2 * with_prefix <= len(lines):
        return _without_section
    return lambda line: _without_section(_PREFIX.sub("", line, count=1) if _PREFIX.match(line) else line)


def _without_section(line: str) -> str:
    return _SECTION.sub("", line) if line.startswith("section_") else line


_CHUNK = 64 * 1024
"""Of a stream that is recoded, at once."""


def raw_lines(stream: BinaryIO, *, limits: Limits, notes: Notes) -> Iterator[bytes]:
    """Read lines as UTF-8 bytes with their ends, up to the limits; a longer file is noted as cut short."""
    taken = 0
    text = as_utf8(stream)
    while line := text.readline(limits.line_bytes):
        taken += len(line)
        if taken > limits.file_bytes:
            notes.cut_short(f"only its first {limits.file_bytes:,} bytes were read")
            return
        yield line


def as_utf8(stream: BinaryIO) -> BinaryIO:
    """The stream itself, or its text as UTF-8 where a byte order mark says UTF-16; oddities are replaced."""
    head = stream.read(2)
    stream.seek(0)
    if head not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return stream
    return cast(BinaryIO, io.BufferedReader(_Recoded(stream), _CHUNK))


class _Recoded(io.RawIOBase):
    """Seeks to its beginning only, as the readers do."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._begin()

    def _begin(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-16")("replace")
        self._waiting = b""
        self._given = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._given

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if (offset, whence) != (0, io.SEEK_SET):
            raise io.UnsupportedOperation("only to the beginning")
        self._stream.seek(0)
        self._begin()
        return 0

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # bytes-like, as the base class has it
        while not self._waiting:
            raw = self._stream.read(_CHUNK)
            self._waiting = self._decoder.decode(raw, final=not raw).encode("utf-8", "replace")
            if not raw and not self._waiting:
                return 0
        given, self._waiting = self._waiting[: len(view)], self._waiting[len(view) :]
        view[: len(given)] = given
        self._given += len(given)
        return len(given)

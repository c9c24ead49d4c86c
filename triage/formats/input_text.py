"""Read text that others wrote: encodings, terminal escapes, control characters, CI systems' time stamps."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from triage.formats.limits import Limits, Notes
from triage.text.pattern import pattern

_TERMINAL_ESCAPE = pattern(
    r"""
    (?: \x1b | \#x1B | &\#x1b; | ␛ )                           # the byte, or as JUnit and viewers spell it
    (?: \[ [0-?]{0,64} [ -/]{0,8} [@-~]                         # colours, cursor
      | \] [^\x07\x1b]{0,2000} (?: \x07 | \x1b\\ )            # titles, links
      | [P^_X] [^\x07\x1b]{0,2000} (?: \x07 | \x1b\\ )        # what a build server tells its own viewer
      | [@-Z\\^_] )
    """,
    matches=["\x1b[31m", "#x1B[0m", "&#x1b;[2J", "\x1b]0;title\x07", "\x1bM"],
    rejects=["[31m", "#x1C[31m", "\x1b\n"],
    flags=re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ud800-\udfff]")

_TIME_STAMP = r"\d{4}-\d\d-\d\d [T ] \d\d:\d\d:\d\d (?: [.,] \d{1,9} )? (?: Z | [+-] \d\d :? \d\d )?"
_PREFIX = pattern(
    rf"""
      \[? {_TIME_STAMP} \]? (?: [ ] \d\d [OE] \+? )? [ ]?    # GitHub, Azure, Jenkins, GitLab (stream mark)
    | \[ \d\d:\d\d:\d\d (?: \.\d+ )? \] (?: [ ]* : )? [ \t]?  # TeamCity, Jenkins
    | \# \d{{1,4}} [ ] \d+ \. \d+ [ ]?                        # the build of a container
    """,
    matches=[
        "2026-11-23T06:10:00.1234567Z ===",
        "[2026-11-23 06:10:00] a",
        "2026-11-23T06:10:00Z 01O a",
        "[06:10:00] : a",
        "#12 3.45 a",
    ],
    rejects=["06:10:00 a", "tests/test_a.py", "# a comment"],
    how="match",
)
_SECTION_MARKS = pattern(
    r"^ (?: section_(?: start | end ) : \d+ : [\w.-]* (?: \[ [^\]\n]{0,200} \] )? \s* )+",
    matches=["section_start:1700000000:tests[collapsed=true]\r", "section_end:1700000000:tests"],
    rejects=["section_start: none", "the section_end:1:a"],
)
"""GitLab folds its logs by them."""
_ASKED_LINES = 200
"""How many lines with text are looked at for a prefix."""


def cleaned(text: str) -> str:
    """Remove terminal escapes (raw, or as pytest's JUnit XML spells them), replace control characters."""
    if text.isascii() and text.isprintable() and "#x1B" not in text:
        return text
    plain = _TERMINAL_ESCAPE.sub("", text)
    lines = plain.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("\ufffd", lines)


def unprefixed(head: str) -> Callable[[str], str]:
    """Make a function that takes off each line what most lines of `head` have before their text.

    Where most have no time stamp, it takes off GitLab's section marks alone: lines may well begin with
    a time of their own.
    """
    lines = [line for line in head.splitlines() if line.strip()][:_ASKED_LINES]
    with_prefix = sum(_PREFIX.match(line) is not None for line in lines)
    if 2 * with_prefix > len(lines):
        return _without_prefix
    return _without_section_marks


def _without_prefix(line: str) -> str:
    prefix = _PREFIX.match(line)
    return _without_section_marks(line[prefix.end() :] if prefix else line)


def _without_section_marks(line: str) -> str:
    return _SECTION_MARKS.sub("", line) if line.startswith("section_") else line


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

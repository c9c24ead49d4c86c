"""Decode XML that others wrote, and repair the characters and references that a parser would stop at.

The bytes are decoded by byte order mark, declaration, else as UTF-8; what does not decode becomes U+FFFD and
is counted. Forbidden characters, raw or as a reference (`&#8;`), names that only HTML knows (`&nbsp;`) and
a bare `&` cost one character and not the test case that they stand in.
"""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterator
from typing import BinaryIO

from triage.formats.limits import Limits, Notes
from triage.text.pattern import pattern

READ_BYTES = 256 * 1024
"""Given to the parser at once."""
_DECLARED_ENCODING = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]+")
_KNOWN_TO_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})
_REFERENCE = pattern(
    r"& (?: \# (?: [xX] (?P<hex> [0-9a-fA-F]{1,8} ) | (?P<number> \d{1,10} ) ) ; | (?P<name> \w{1,32} ) ; )?",
    matches=["&#8;", "&#x1B;", "&amp;", "&nbsp;", "& b", "&", "&;"],
    rejects=["amp;", "#8;"],
)
_LONGEST_REFERENCE = 34
"""`&`, 32 characters and `;`: so much may be held back at the end of a piece."""
_CDATA_BEGINS = "<![CDATA["
_CDATA_ENDS = "]]>"


def decoded(stream: BinaryIO, limits: Limits, notes: Notes) -> Iterator[bytes]:
    """Give the stream in pieces of UTF-8, repaired."""
    first = stream.read(min(READ_BYTES, limits.file_bytes))
    decoder = codecs.getincrementaldecoder(_encoding(first))("replace")
    repair = _References(notes)
    chunk, taken = first, 0
    while chunk:
        taken += len(chunk)
        text = decoder.decode(chunk)
        if lost := text.count("\ufffd"):
            notes.drop("characters that do not decode", lost)
        text, forbidden = _FORBIDDEN.subn("\ufffd", text)
        if forbidden:
            notes.drop("runs of characters that XML forbids", forbidden)
        if chunk is first:
            text = text.lstrip("\ufeff \t\r\n")
        yield repair.feed(text).encode("utf-8")
        chunk = stream.read(min(READ_BYTES, limits.file_bytes - taken))
    if stream.read(1):
        notes.cut_short(f"what lies behind {limits.file_bytes:,} bytes was not read")
    yield repair.rest().encode("utf-8")


class _References:
    """Repairs references as the text comes; in a CDATA section nothing is a reference."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._held_back = ""
        self._in_cdata = False

    def feed(self, text: str) -> str:
        """Give the text repaired, but for an end that the next piece may go on."""
        whole = self._held_back + text
        self._held_back = ""
        parts: list[str] = []
        position = 0
        while position < len(whole):
            marker = _CDATA_ENDS if self._in_cdata else _CDATA_BEGINS
            found = whole.find(marker, position)
            if found < 0:
                end = self._safe_end(whole, position, marker)
                self._held_back = whole[end:]
                parts.append(self._repaired(whole[position:end]))
                break
            parts.append(self._repaired(whole[position:found]) + marker)
            self._in_cdata = not self._in_cdata
            position = found + len(marker)
        return "".join(parts)

    def rest(self) -> str:
        """What was held back when the stream ended."""
        return self._repaired(self._held_back)

    def _safe_end(self, text: str, start: int, marker: str) -> int:
        """Where a marker or a reference may begin that the next piece ends."""
        end = len(text)
        for length in range(min(len(marker) - 1, end - start), 0, -1):
            if text.endswith(marker[:length]):
                return end - length
        if self._in_cdata:
            return end
        ampersand = text.rfind("&", max(start, end - _LONGEST_REFERENCE))
        if ampersand >= 0 and ";" not in text[ampersand:]:
            return ampersand
        return end

    def _repaired(self, text: str) -> str:
        if self._in_cdata or "&" not in text:
            return text
        return _REFERENCE.sub(self._repaired_reference, text)

    def _repaired_reference(self, found: re.Match[str]) -> str:
        name, number = found["name"], found["number"]
        if name in _KNOWN_TO_XML:
            return found[0]
        if name is not None:
            character = html.unescape(found[0])
            if character != found[0]:
                return character
        if name is None and (found["hex"] or number):
            code = int(found["hex"], 16) if found["hex"] else int(number)
            if _is_allowed(code):
                return found[0]
            self._notes.drop("references to characters that XML forbids")
            return f"#x{code:02X}" if code < 0x20 else "\ufffd"  # as pytest spells control characters
        self._notes.drop("ampersands that are no reference")
        return "&amp;" + found[0][1:]


def _is_allowed(code: int) -> bool:
    """Whether XML 1.0 allows the character."""
    if code in (0x9, 0xA, 0xD):
        return True
    return 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF


def _encoding(first: bytes) -> str:
    if first.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if first[:4] in (b"<\0?\0", b"<\0t\0"):
        return "utf-16-le"
    if first[:4] in (b"\0<\0?", b"\0<\0t"):
        return "utf-16-be"
    declared = _DECLARED_ENCODING.search(first[:300])
    name = declared[1].decode("ascii").lower() if declared else "utf-8"
    try:
        codecs.lookup(name)
        "<".encode(name).decode(name)
    except (LookupError, UnicodeError, TypeError):
        return "utf-8"
    return "utf-8" if name.startswith(("utf-16", "utf-32", "ucs")) else name

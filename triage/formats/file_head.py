"""The beginning of a file, as importers look at it to say whether the file is theirs."""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass
from functools import cached_property
from xml.parsers import expat

from triage.formats.input_text import cleaned, unprefixed

HEAD_BYTES = 256 * 1024
"""So much is read to recognise a format: pytest's log has its first heading behind the output of a build."""
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF16_WITHOUT_MARK = (b"<\0?\0", b"<\0t\0")
_BEGINS_AS_JSON = re.compile(r"\{\s*(?:[\"}]|\Z)|\[\s*(?:[\[{\"\]]|\Z)")
_BEGINS_AS_XML = re.compile(r"<(?:\?xml|test|\Z)")
"""HTML, and texts that quote markup, are often not well-formed."""
_ZIP = b"PK\x03\x04"


def _is_json(text: str) -> bool:
    """Whether the text is a JSON document, or lines of them."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        first_line = text.partition("\n")[0]
        return first_line != text and _is_json(first_line)
    return True


def _is_xml(text: str) -> bool:
    """Whether the text is well-formed."""
    try:
        expat.ParserCreate("utf-8").Parse(text.encode("utf-8", "replace"), True)
    except (expat.ExpatError, ValueError):
        return False
    return True


@dataclass(frozen=True)
class FileHead:
    """The first bytes of a file, decompressed; the name of the file is not known here and means nothing."""

    data: bytes

    @cached_property
    def text(self) -> str:
        """Decoded by the byte order mark, else as UTF-8 with replacement; without leading blanks."""
        return self._decoded.lstrip("\ufeff \t\r\n")

    @cached_property
    def log(self) -> str:
        """The text as lines of a log: without terminal escapes and without a CI system's time stamps."""
        plain = cleaned(self.text)
        bare = unprefixed(plain)
        return "\n".join(bare(line) for line in plain.split("\n"))

    @property
    def is_json(self) -> bool:
        """Whether an object or array begins here."""
        return self.text.startswith(("{", "["))

    @property
    def is_xml(self) -> bool:
        """Whether markup begins here."""
        return self.text.startswith("<")

    @property
    def is_zip(self) -> bool:
        """Whether this is an archive, which nobody here unpacks."""
        return self.data.startswith(_ZIP)

    @property
    def is_torn(self) -> bool:
        """Whether this is the whole of a file that begins as a report may and is no whole document."""
        if len(self.data) >= HEAD_BYTES or self.is_zip:
            return False
        if _BEGINS_AS_JSON.match(self.text):
            return not _is_json(self.text)
        return _BEGINS_AS_XML.match(self.text) is not None and not _is_xml(self.text)

    @property
    def _decoded(self) -> str:
        if self.data.startswith(_UTF16):
            return self.data.decode("utf-16", "replace")
        if self.data[:4] in _UTF16_WITHOUT_MARK:
            return self.data.decode("utf-16-le", "replace")
        return self.data.decode("utf-8-sig", "replace")

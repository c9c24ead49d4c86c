"""Read XML that others wrote as a stream of events: no DTD, no entities, bounded, damage survived.

The text is given to expat as UTF-8 (`xml_text.py`), so that a lying declaration costs characters and not
the file. After damage (a wrong nesting, a tag that is cut) reading goes on at the next suite or test case,
and the report is incomplete: nobody knows what stood there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO
from xml.parsers import expat

from triage.formats.limits import Limits, Notes
from triage.formats.xml_text import READ_BYTES, decoded

__all__ = ["READ_BYTES", "RefusedXml", "XmlHandlers", "read_xml"]

_LONGEST_TOKEN = 16 * 1024 * 1024
"""Of a tag or comment, which the parser keeps in memory whole."""
_JUNK_BEHIND_ROOT = expat.errors.codes[expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]
_LONGEST_RESTART = 32
"""Bytes that may be the beginning of a match of `_RESTART` which the next piece ends."""
_RESTART = re.compile(rb"<(?:testsuites|testsuite|testcase)[\s>/]")


class RefusedXml(Exception):
    """The document declares a DTD or entities; nothing of it is believed."""


class _Enough(Exception):
    """A limit is reached."""


@dataclass(frozen=True)
class XmlHandlers:
    """What the reader of a format does with the events."""

    start: Callable[[str, dict[str, str]], None]
    end: Callable[[str], None]
    text: Callable[[str], None]
    reset: Callable[[], None]
    """Damage: forget what is open."""


def read_xml(stream: BinaryIO, handlers: XmlHandlers, *, limits: Limits, notes: Notes) -> Iterator[None]:
    """Feed the whole stream to the handlers; yields after each piece, so that what was found can be taken.

    Raises `RefusedXml` for a document type or an entity declaration; everything else is survived, and
    what was lost is counted in `notes`.
    """
    reader = _Reader(handlers, limits, notes)
    for chunk in decoded(stream, limits, notes):
        try:
            reader.feed(chunk)
        except _Enough as reached:
            notes.cut_short(f"{reached} was not read")
            return
        yield
    reader.finish()
    yield


class _Reader:
    def __init__(self, handlers: XmlHandlers, limits: Limits, notes: Notes) -> None:
        self._handlers = handlers
        self._limits = limits
        self._notes = notes
        self._elements = 0
        self._repairs = 0
        self._seeking = False
        self._pending = b""
        self._restart()

    def feed(self, data: bytes) -> None:
        """Parse; after damage look for the next place to go on from."""
        data = self._pending + data
        self._pending = b""
        while data:
            if self._seeking:
                data = self._resumed(data)
                if not data:
                    return
            self._fed += len(data)
            try:
                self._parser.Parse(data, False)
            except expat.ExpatError as error:
                data = self._damaged(error, data)
            else:
                self._bound_token()
                return

    def finish(self) -> None:
        """The end of the stream."""
        if self._seeking:
            return
        has_ended = True
        try:
            self._parser.Parse(b"", True)
        except expat.ExpatError:
            has_ended = self._own_roots > 0  # a root of our own is never closed
        if self._depth > self._own_roots or not has_ended:
            self._handlers.reset()
            self._notes.cut_short("its root element does not end")

    def _damaged(self, error: expat.ExpatError, data: bytes) -> bytes:
        """The part of `data` behind the damage."""
        fed_before = self._fed - len(data)
        damage = self._parser.ErrorByteIndex - fed_before
        if error.code == _JUNK_BEHIND_ROOT:
            self._give_up_here("text behind the root element")
            return data[max(damage, 0) :]  # the junk may be a second root
        self._notes.cut_short("damage in the XML: what stood there is lost")
        self._give_up_here("damage in the XML")
        return data[max(damage + 1, 0) :]

    def _bound_token(self) -> None:
        """A tag or comment that does not end would be kept in memory whole."""
        if self._fed - max(self._parser.CurrentByteIndex, 0) > _LONGEST_TOKEN:
            what = f"a tag or comment longer than {_LONGEST_TOKEN:,} bytes"
            self._notes.cut_short(f"{what}: what stood there is lost")
            self._give_up_here(what)

    def _give_up_here(self, why: str) -> None:
        self._handlers.reset()
        self._notes.drop(why)
        self._repairs += 1
        if self._repairs > self._limits.repairs:
            raise _Enough(f"the rest, behind {self._limits.repairs:,} damaged places")
        self._restart()
        self._seeking = True

    def _resumed(self, data: bytes) -> bytes:
        """`data` from the next suite or test case on, below a root of our own."""
        found = _RESTART.search(data)
        if found is None:
            self._pending = data[-_LONGEST_RESTART:]
            return b""
        self._seeking = False
        self._restart()
        root = b"<testsuites>"
        self._parser.Parse(root, False)
        self._fed = len(root)
        self._own_roots = 1
        return data[found.start() :]

    def _restart(self) -> None:
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._handlers.text
        parser.StartDoctypeDeclHandler = _refuse
        parser.EntityDeclHandler = _refuse
        self._parser = parser
        self._fed = 0
        self._depth = 0
        self._own_roots = 0

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._elements > self._limits.elements:
            raise _Enough(f"what lies behind {self._limits.elements:,} elements")
        if self._depth <= self._limits.depth:
            self._handlers.start(_local(name), attributes)
        else:
            self._notes.drop(f"elements nested deeper than {self._limits.depth}")

    def _end(self, name: str) -> None:
        if self._depth <= self._limits.depth:
            self._handlers.end(_local(name))
        self._depth -= 1


def _local(name: str) -> str:
    """The name without its namespace."""
    return name.rpartition("}")[2].rpartition(":")[2]


def _refuse(*_: object) -> None:
    raise RefusedXml("it declares a document type or an entity")

"""Read JSON that others wrote: damaged documents, lines that are cut, values of the wrong type."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from triage.formats.input_text import as_utf8, raw_lines
from triage.formats.limits import Limits, Notes

_DOCUMENT_BYTES = 128 * 1024 * 1024
"""A document is parsed as a whole, which costs several times its size in memory."""
_SEPARATORS = re.compile(r"[\s,]*")
_LONGEST_INTEGER = 1000
"""Digits: Python refuses to read an integer of more than some thousands, and no report has a use for it."""
_LATEST = 1e12
"""Seconds since the epoch that are believed to be a time: some 30,000 years."""


def read_document(stream: BinaryIO, *, limits: Limits, notes: Notes, items: str) -> dict[str, Any]:
    """Read a JSON object; of a damaged one at least its list `items`, as far as it goes.

    Never raises for what the text says: a text that is no object gives an empty one, and is noted.
    """
    cap = min(limits.file_bytes, _DOCUMENT_BYTES)
    data = as_utf8(stream).read(cap + 1)
    if len(data) > cap:
        notes.cut_short(f"only its first {cap:,} bytes were read")
    text = data[:cap].decode("utf-8-sig", "replace")
    try:
        value = json.loads(text, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        found = [*_salvaged(text, items)]
        notes.cut_short(f"no whole JSON ({str(error)[:80]}); {len(found):,} of its {items} were saved")
        return {items: found}
    if not isinstance(value, dict):
        notes.drop("JSON that is no object")
        return {}
    return value


def read_lines(stream: BinaryIO, *, limits: Limits, notes: Notes) -> Iterator[dict[str, Any]]:
    """Read the objects of a JSON-lines file; of other lines nobody knows what they said."""
    for line in raw_lines(stream, limits=limits, notes=notes):
        value = _object(line)
        if value is not None:
            yield value
        elif line.strip():
            ended = line.endswith(b"\n")
            what = "lines that are no JSON object" if ended else "a line that is cut or too long"
            notes.drop(what)
            notes.cut_short(f"it has {what}")


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line.decode("utf-8-sig", "replace"), parse_int=_integer)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _salvaged(text: str, items: str) -> Iterator[dict[str, Any]]:
    """Objects of the list `items`, from its beginning to the damage."""
    start = re.search(rf'"{re.escape(items)}"\s*:\s*\[', text)
    if start is None:
        return
    decoder = json.JSONDecoder(parse_int=_integer)
    position = start.end()
    while True:
        separators = _SEPARATORS.match(text, position)
        position = separators.end() if separators else position
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            return
        if isinstance(value, dict):
            yield value


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float("inf")


def text_of(value: Any) -> str:
    """A string where one is due; a list of strings is lines, anything else its `str`."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(item for item in value if isinstance(item, str))
    if value is None or isinstance(value, dict):
        return ""
    return str(value)


def dict_of(value: Any) -> dict[str, Any]:
    """The value, or an empty dictionary where it is none."""
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """The value, or an empty list where it is none."""
    return value if isinstance(value, list) else []


def seconds_of(value: Any, scale: float = 1.0) -> float | None:
    """The value times `scale`, or None where that is no duration."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    seconds = value * scale
    longest = 1e9  # about 30 years: whatever is longer is no duration
    return seconds if 0 <= seconds < longest else None


def time_of(value: Any, scale: float = 1.0) -> float | None:
    """The value times `scale` as seconds since the epoch, or None where that is no time."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    seconds = value * scale
    return seconds if 0 < seconds < _LATEST else None

"""JSON of strangers: whole documents where they are whole, the items of a list where they are cut."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from triage.ingest.limits import Limits, Notes

_DOCUMENT_BYTES = 128 * 1024 * 1024
_SPACES = re.compile(r"[\s,]*")


def read_document(stream: BinaryIO, *, limits: Limits, notes: Notes, items: str) -> dict[str, Any]:
    """A JSON object; of a damaged one at least its list `items`, as far as it can be read.

    Never raises for what the text says: a text that is no object gives an empty one, and is noted.
    """
    cap = min(limits.file_bytes, _DOCUMENT_BYTES)
    data = stream.read(cap + 1)
    if len(data) > cap:
        notes.cut_short(f"only its first {cap:,} bytes were read")
    text = data[:cap].decode("utf-8-sig", "replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        found = [*_salvaged(text, items)]
        notes.cut_short(f"no whole JSON ({str(error)[:80]}); {len(found):,} of its {items} were saved")
        return {items: found}
    if not isinstance(value, dict):
        notes.drop("JSON that is no object")
        return {}
    return value


def read_lines(stream: BinaryIO, *, limits: Limits, notes: Notes) -> Iterator[dict[str, Any]]:
    """The objects of a JSON-lines file; lines that are none are counted, a cut last line is normal."""
    taken, bad = 0, 0
    while line := stream.readline(limits.line_bytes):
        taken += len(line)
        if taken > limits.file_bytes:
            notes.cut_short(f"only its first {limits.file_bytes:,} bytes were read")
            return
        value = _object(line)
        if value is not None:
            yield value
        elif line.strip():
            bad += 1
            ended = line.endswith(b"\n")
            notes.drop("lines that are no JSON object" if ended else "a last line that is cut or too long")


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _salvaged(text: str, items: str) -> Iterator[dict[str, Any]]:
    """Objects of the list `items`, from its beginning to the damage."""
    start = re.search(rf'"{re.escape(items)}"\s*:\s*\[', text)
    if start is None:
        return
    decoder, position = json.JSONDecoder(), start.end()
    while True:
        position = _SPACES.match(text, position).end()  # type: ignore[union-attr]  # it matches always
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            return
        if isinstance(value, dict):
            yield value


def text_of(value: Any) -> str:
    """A string where one is due; lists of strings are lines."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(item for item in value if isinstance(item, str))
    return "" if value is None or isinstance(value, dict) else str(value)


def dict_of(value: Any) -> dict[str, Any]:
    """A dictionary where one is due."""
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """A list where one is due."""
    return value if isinstance(value, list) else []


def seconds_of(value: Any, scale: float = 1.0) -> float | None:
    """A duration where one is due; what is no time is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    seconds = value * scale
    return seconds if 0 <= seconds < 1e9 else None

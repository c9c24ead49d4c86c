"""The text of a JSON document, made a piece at a time: a record of 20,000 failures is never in memory twice.

A document is indented, as people read it. One with long lists has what is short first, and then a row a
line: rows are redacted, spelled and forgotten one after the other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from triage.evidence.atomic import json_text, plain
from triage.text.redact_data import redacted_data

_MOST_INDENTED_ROWS = 200
"""A longer list is read by programs, and indenting it doubles its size."""


def json_pieces(value: Any, redact: Callable[[str], str] = str) -> Iterator[str]:
    """Give the text of a document, each text in it redacted."""
    long_lists = _long_lists(value)
    if not long_lists:
        yield json_text(redacted_data(plain(value), redact))
        return
    rest = redacted_data(plain(_without(value, long_lists)), redact)
    separator = "{\n"
    for name, item in rest.items():
        yield f"{separator} {_line(name)}: {_line(item)}"
        separator = ",\n"
    for name, rows in long_lists.items():
        yield f"{separator} {_line(name)}: [\n"
        yield from _lines(rows, name, redact)
        yield " ]"
        separator = ",\n"
    yield "\n}\n"


def _lines(rows: Sequence[Any], name: str, redact: Callable[[str], str]) -> Iterator[str]:
    """Give each row on a line of its own; `name` is the key that the list stands under."""
    last = len(rows) - 1
    for index, row in enumerate(rows):
        comma = "," if index < last else ""
        yield f"  {_line(redacted_data(plain(row), redact, name))}{comma}\n"


def _line(data: Any) -> str:
    return json.dumps(data, ensure_ascii=True, allow_nan=False)


def _long_lists(value: Any) -> dict[str, Sequence[Any]]:
    """The fields of a document that are long lists, by name."""
    fields: Mapping[str, Any] = {}
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
    elif isinstance(value, dict):
        fields = value
    found: dict[str, Sequence[Any]] = {}
    for name, item in fields.items():
        if isinstance(item, (list, tuple)) and len(item) > _MOST_INDENTED_ROWS:
            found[name] = item
    return found


def _without(value: Any, names: Mapping[str, Any]) -> Any:
    """The document without these fields."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude=set(names))
    return {name: item for name, item in value.items() if name not in names}

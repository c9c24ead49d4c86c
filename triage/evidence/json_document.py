"""The text of a JSON document, made a piece at a time: a record of 20,000 failures is never in memory twice.

A document is indented, as people read it. One with long lists has what is short first, and then a row a
line: rows are redacted, spelled and forgotten one after the other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from triage.evidence.atomic import json_text, plain
from triage.text.redact_data import DataRedactor

_MOST_INDENTED_ROWS = 200
"""A longer list is read by programs, and indenting it doubles its size."""


@dataclass(frozen=True)
class Rows:
    """A list of a document whose rows are made while they are written, so that they are never all there."""

    count: int
    make: Callable[[], Iterator[Any]]


def json_pieces(value: Any, redact: Callable[[str], str] = str) -> Iterator[str]:
    """Give the text of a document, each text in it redacted."""
    long_lists = _long_lists(value)
    redactor = DataRedactor(redact)
    if not long_lists:
        yield json_text(redactor.redacted(plain(_with_short_lists(value))))
        return
    rest = redactor.redacted(plain(_with_short_lists(_without(value, long_lists))))
    separator = "{\n"
    for name, item in rest.items():
        yield f"{separator} {_line(name)}: {_line(item)}"
        separator = ",\n"
    for name, rows in long_lists.items():
        yield f"{separator} {_line(name)}: [\n"
        yield from _lines(rows, name, redactor)
        yield " ]"
        separator = ",\n"
    yield "\n}\n"


def _lines(rows: Rows, name: str, redactor: DataRedactor) -> Iterator[str]:
    """Give each row on a line of its own; `name` is the key that the list stands under."""
    last = rows.count - 1
    for index, row in enumerate(rows.make()):
        comma = "," if index < last else ""
        yield f"  {_line_of_row(row, name, redactor)}{comma}\n"


def _line_of_row(row: Any, name: str, redactor: DataRedactor) -> str:
    # nearly every row is plain as it is, and to find that out takes as long as to redact it: JSON refuses the
    # row that has a number which it does not know
    data = row.model_dump(mode="json") if isinstance(row, BaseModel) else row
    try:
        return _line(redactor.redacted(data, name))
    except (TypeError, ValueError):
        return _line(redactor.redacted(plain(row), name))


_ENCODE = json.JSONEncoder(ensure_ascii=True, allow_nan=False).encode


def _line(data: Any) -> str:
    return _ENCODE(data)


def _long_lists(value: Any) -> dict[str, Rows]:
    """The fields of a document that are long lists, by name."""
    fields: Mapping[str, Any] = {}
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
    elif isinstance(value, dict):
        fields = value
    found: dict[str, Rows] = {}
    for name, item in fields.items():
        rows = item
        if isinstance(item, (list, tuple)):
            rows = Rows(len(item), item.__iter__)
        if isinstance(rows, Rows) and rows.count > _MOST_INDENTED_ROWS:
            found[name] = rows
    return found


def _with_short_lists(value: Any) -> Any:
    """The document with a list for each of its `Rows`: what is short is written as one."""
    if not isinstance(value, dict):
        return value
    return {name: list(item.make()) if isinstance(item, Rows) else item for name, item in value.items()}


def _without(value: Any, names: Mapping[str, Any]) -> Any:
    """The document without these fields."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude=set(names))
    return {name: item for name, item in value.items() if name not in names}

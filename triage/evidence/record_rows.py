"""Read long records row by row, as they were written: one of 20,000 failures is never parsed as a whole.

To parse a document whole takes several times its length for as long as it takes. A document that is written
in another way (indented, by another version, by hand) is parsed whole, with the same result.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from triage.evidence.packed import read_record_bytes
from triage.model.base import Value
from triage.model.failure import Captured
from triage.model.run import RunRecord, TestResult

_RESULTS = "results"
_ROW_STARTS = (b'  {"', b'  ["')
"""How a row of `json_document` begins; in an indented list the bracket stands alone in its line."""
_END_OF_ROWS = b"\n ]"
"""A row has no line break in it: in texts JSON writes it as an escape."""
_Row = TypeVar("_Row", bound=Value)


class SplitDocument(NamedTuple):
    """A document with the rows of one of its lists apart."""

    rest: bytes
    """The document with that list empty."""
    rows: Iterator[bytes]


def split_rows(text: bytes, name: str) -> SplitDocument | None:
    """Take the rows of a list out of a document; None where they are not written one a line."""
    opening = f'\n "{name}": [\n'.encode()
    found = text.find(opening)
    start = found + len(opening)
    end = text.find(_END_OF_ROWS, start)
    if found < 0 or end < 0 or not text.startswith(_ROW_STARTS, start):
        return None
    rest = text[: start - 1] + text[end + 1 :]
    return SplitDocument(rest, _lines(text, start, end))


def _lines(text: bytes, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        stop = text.find(b"\n", start, end)
        stop = end if stop < 0 else stop
        yield text[start:stop].strip().removesuffix(b",")
        start = stop + 1


def read_run_record(path: Path, *, with_texts: bool = True) -> RunRecord:
    """Read a `results.json`; raises `OSError` or `ValueError`.

    Without texts a failure has its exceptions and frames alone: no representation, no output.
    """
    text = read_record_bytes(path)
    keep = _as_it_is if with_texts else without_texts
    split = split_rows(text, _RESULTS)
    if split is not None:
        try:
            record = RunRecord.model_validate_json(split.rest)
            results = tuple(keep(TestResult.model_validate_json(row)) for row in split.rows)
        except ValidationError:
            pass  # read as a whole it says what is wrong, and where
        else:
            return record.model_copy(update={_RESULTS: results})
    record = RunRecord.model_validate_json(text)
    return record.model_copy(update={_RESULTS: tuple(map(keep, record.results))})


def read_rows(path: Path, name: str, kind: type[_Row]) -> tuple[_Row, ...]:
    """Read the rows of a list of a document, and nothing else of it; raises `OSError` or `ValueError`."""
    text = read_record_bytes(path)
    split = split_rows(text, name)
    if split is not None:
        try:
            return tuple(kind.model_validate_json(row) for row in split.rows)
        except ValidationError:
            pass  # read as a whole it says what is wrong, and where
    found: tuple[_Row, ...] = getattr(_document_of(name, kind).model_validate_json(text), name)
    return found


@cache
def _document_of(name: str, row: type[Value]) -> type[BaseModel]:
    """A document of which one list is read."""
    fields: Any = {name: (tuple[row, ...], ...)}  # type: ignore[valid-type]
    return create_model("Document", __config__=ConfigDict(extra="ignore"), **fields)


def without_texts(result: TestResult) -> TestResult:
    """The result with what identifies its failures; one without an exception keeps its representation."""
    if not result.failures:
        return result
    lean = []
    for failure in result.failures:
        longrepr = "" if failure.chain else failure.longrepr
        lean.append(failure.model_copy(update={"longrepr": longrepr, "captured": _NOTHING}))
    return result.model_copy(update={"failures": tuple(lean)})


def _as_it_is(result: TestResult) -> TestResult:
    return result


_NOTHING = Captured.model_construct()

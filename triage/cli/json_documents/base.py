"""What every document of `--json` has: its version, and a way to be cut down to a page and to some fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel

from triage.errors import SCHEMA_VERSION, UsageError
from triage.model.base import Value

_Row = TypeVar("_Row")


class Document(Value):
    """One answer of a command, as programs read it."""

    schema_version: int = SCHEMA_VERSION

    rows: ClassVar[str | None] = None
    """Name of the field that `--fields` cuts down; None where the document is no list."""

    @classmethod
    def of(cls, value: BaseModel, **more: Any) -> Self:
        """The document with the fields of a value, and further ones."""
        fields = {name: getattr(value, name) for name in type(value).model_fields if name not in more}
        return cls(**fields, **more)

    @classmethod
    def row_fields(cls) -> tuple[str, ...]:
        """The names that `--fields` may give; none where the document is no list."""
        if cls.rows is None:
            return ()
        (row,) = (each for each in cls.model_fields[cls.rows].annotation.__args__ if each is not Ellipsis)  # type: ignore[union-attr]
        return tuple(row.model_fields)


class ListDocument(Document):
    """A document that can be asked for in pages."""

    total: int = 0
    """Rows in all pages together."""
    next_cursor: str | None = None
    """What `--cursor` takes for the next page; null on the last one."""


class ErrorFound(Value):
    """Why there is no answer."""

    slug: str
    """`triage help SLUG` explains it."""
    message: str
    next: str
    """What to do about it."""


class ErrorDocument(Document):
    """What `--json` prints instead of its document where a command fails; the exit code is the command's."""

    error: ErrorFound
    exit_code: int


class PageRequest(Value):
    """Which rows of a list somebody wants, and what of each."""

    limit: int | None = None
    """None is no limit."""
    cursor: str | None = None
    fields: tuple[str, ...] = ()
    """None named is all."""

    @property
    def stamp(self) -> str | None:
        """The run that the former page was of, so that a newer run does not mix into the next page."""
        if self.cursor is None:
            return None
        return _parsed(self.cursor)[0] or None

    @property
    def offset(self) -> int:
        """How many rows the former pages had."""
        return _parsed(self.cursor)[1] if self.cursor is not None else 0

    def page(self, rows: Sequence[_Row], stamp: str | None = None) -> tuple[tuple[_Row, ...], str | None]:
        """The wanted rows, and the cursor of the page behind them; None where there is none."""
        start = self.offset
        end = len(rows) if self.limit is None else min(len(rows), start + self.limit)
        following = f"{stamp or ''}+{end}" if end < len(rows) else None
        return tuple(rows[start:end]), following


def _parsed(cursor: str) -> tuple[str, int]:
    """`20261123T061000Z+100`: the run and the rows before the page. Raises `UsageError` for anything else."""
    stamp, plus, number = cursor.rpartition("+")
    if not plus or not number.isascii() or not number.isdecimal() or len(number) > 12:
        raise UsageError(
            "bad-cursor",
            f"--cursor {cursor!r} is none that triage gave",
            "take `next_cursor` of the page before",
        )
    return stamp, int(number)

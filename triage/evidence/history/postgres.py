"""The history of a team: PostgreSQL, through psycopg (`pip install 'triage-lab[postgres]'`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from triage.errors import UsageError
from triage.evidence.history.sql import SqlStore

_LOCK = 0x747269616765
"""Key of the advisory lock, "triage" in ASCII: one writer at a time, as SQLite has it."""


class PostgresStore(SqlStore):
    """History at a postgresql:// address; raises UsageError where it cannot be reached."""

    def __init__(self, url: str) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise UsageError(
                "no-psycopg", "a postgresql:// store needs psycopg", "pip install 'triage-lab[postgres]'"
            ) from error
        shown = url.rpartition("@")[2]  # without user and password
        try:
            super().__init__(_Postgres(psycopg.connect(url, autocommit=True)), shown)
        except psycopg.Error as error:
            reason = str(error).strip().replace(url, shown).partition("\n")[0]
            raise UsageError(
                "store-unusable", f"history at {shown}: {reason}", "check the address, or set store to a file"
            ) from error


class _Postgres:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._connection.transaction():
            self._connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
            yield

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(_placeholders(query), tuple(values) or None)
        return cursor.fetchall() if cursor.description else []

    def many(self, statement: str, values: Iterable[Sequence[Any]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(_placeholders(statement), [tuple(row) for row in values])

    def close(self) -> None:
        self._connection.close()


def _placeholders(query: str) -> str:
    """Spell SQLite's placeholders as psycopg wants them; no statement has a question mark otherwise."""
    return query.replace("?", "%s")

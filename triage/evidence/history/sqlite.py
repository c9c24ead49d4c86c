"""The embedded history: SQLite in WAL mode, writers queue at BEGIN IMMEDIATE."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from triage.errors import UsageError
from triage.evidence.history.sql import SqlStore


class SqliteStore(SqlStore):
    """History in one file; raises UsageError where the file is not a history."""

    def __init__(self, path: Path, timeout: float = 30.0) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            super().__init__(_Sqlite(path, timeout), str(path))
        except (sqlite3.Error, OSError) as error:
            raise UsageError(
                "store-unusable",
                f"history {path}: {error}",
                "delete it (it is a view of the evidence) or set store",
            ) from error


class _Sqlite:
    def __init__(self, path: Path, timeout: float) -> None:
        self._connection = sqlite3.connect(path, timeout=timeout, isolation_level=None)
        self._connection.execute("pragma journal_mode = wal")  # readers do not wait for a writer
        self._connection.execute("pragma synchronous = normal")  # a view may lose its last run

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, values).fetchall()

    def many(self, statement: str, values: Iterable[Sequence[Any]]) -> None:
        self._connection.executemany(statement, values)

    def close(self) -> None:
        self._connection.close()

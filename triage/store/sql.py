"""What the two SQL stores share: how a run becomes rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from triage.errors import UsageError
from triage.model.outcome import Outcome
from triage.model.run import RunRecord, TestResult
from triage.store import schema
from triage.store.api import DURATION_WEIGHT, HistoryRow


class Database(Protocol):
    """The little that the store needs of a database."""

    def transaction(self) -> AbstractContextManager[None]:
        """Take the write lock; commit at the end, roll back on an error."""

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and fetch what it returns."""

    def many(self, statement: str, values: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row of values."""

    def close(self) -> None:
        """Let go."""


class SqlStore:
    """A `HistoryStore` on any `Database`."""

    def __init__(self, database: Database, name: str) -> None:
        self._db = database
        with database.transaction():
            for statement in schema.SCHEMA.split(";"):
                database.rows(statement)
            versions = database.rows(schema.VERSION)
            if not versions:
                database.rows(schema.SET_VERSION, (schema.SCHEMA_VERSION,))
        if versions and versions[0][0] != schema.SCHEMA_VERSION:
            raise UsageError(
                "store-version",
                f"history {name} has schema {versions[0][0]}, this triage knows {schema.SCHEMA_VERSION}",
                "delete it (it is a view of the evidence) or use the triage that wrote it",
            )

    def record(self, run: RunRecord, *, commit: str | None, signatures: Mapping[str, str]) -> None:
        """Add a run; a run of the same campaign and STAMP is replaced."""
        with self._db.transaction():
            for statement in schema.DROP_RUN:
                self._db.rows(statement, (run.campaign, run.stamp))
            values = (run.stamp, run.campaign, commit, int(run.complete))
            number = self._db.rows(schema.ADD_RUN, values)[0][0]
            unique = {storable(result.nodeid): result for result in run.results}
            numbers = self._number_tests(unique)
            self._db.many(
                schema.ADD_RESULT,
                (
                    (
                        number,
                        numbers[nodeid],
                        result.outcome.value,
                        result.duration,
                        signatures.get(result.nodeid),
                    )
                    for nodeid, result in unique.items()
                ),
            )

    def _number_tests(self, results: Mapping[str, TestResult]) -> dict[str, int]:
        known = {nodeid: (test, seconds) for nodeid, test, seconds in self._db.rows(schema.TESTS)}
        following = self._db.rows(schema.LAST_TEST)[0][0] + 1
        added, changed = [], []
        numbers: dict[str, int] = {}
        for nodeid, result in results.items():
            seconds = _measured(result)
            if nodeid in known:
                number, before = known[nodeid]
                if seconds is not None:
                    changed.append((_weighted(before, seconds), number))
            else:
                number = following
                following += 1
                added.append((number, nodeid, seconds))
            numbers[nodeid] = number
        self._db.many(schema.ADD_TEST, added)
        self._db.many(schema.SET_SECONDS, changed)
        return numbers

    def durations(self) -> dict[str, float]:
        """Exponentially weighted seconds of each test that ever finished."""
        return dict(self._db.rows(schema.DURATIONS))

    def history(self, nodeid: str, limit: int = 50) -> Sequence[HistoryRow]:
        """The newest runs of one test, newest first."""
        rows = self._db.rows(schema.HISTORY, (storable(nodeid), limit))
        names = ("stamp", "campaign", "commit", "outcome", "duration", "signature")
        return [HistoryRow.model_validate(dict(zip(names, row, strict=True))) for row in rows]

    def close(self) -> None:
        """Let go of the file or the connection."""
        self._db.close()


def storable(nodeid: str) -> str:
    """The node id without what a database refuses: NUL and lone surrogates are spelled out."""
    return nodeid.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def _measured(result: TestResult) -> float | None:
    if result.outcome in {Outcome.NOT_RUN, Outcome.CRASHED, Outcome.TIMEOUT}:
        return None
    return result.duration


def _weighted(before: float | None, now: float) -> float:
    return now if before is None else (1 - DURATION_WEIGHT) * before + DURATION_WEIGHT * now

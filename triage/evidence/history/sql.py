"""What the two SQL stores share: how a run becomes rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from triage.errors import UsageError
from triage.evidence.history.api import DURATION_WEIGHT, HistoryRow
from triage.model.run import RunRecord, TestResult

SCHEMA_VERSION = 1

SCHEMA = """
create table if not exists triage_version (
    version integer not null              -- of this schema, a newer one is refused
);
create table if not exists runs (
    run integer primary key,              -- grows with each run recorded
    stamp text not null,                  -- of the run, UTC
    campaign text not null,               -- with the stamp, unique
    commit_id text,                       -- of the suite's repository, where there was one
    complete integer not null,            -- 1 where each planned test has a real outcome
    unique (campaign, stamp)
);
create table if not exists tests (
    test integer primary key,             -- stands for the node id
    nodeid text not null unique,          -- as pytest spells it
    seconds double precision              -- exponentially weighted duration
);
create table if not exists results (
    run integer not null references runs (run),
    test integer not null references tests (test),
    outcome text not null,                -- a value of model.outcome.Outcome
    seconds double precision,             -- of this run
    signature text,                       -- of the first failure
    primary key (test, run)
)
"""
"""Tables of version 1. History of the schema: 1 - the first."""

DROP_RUN = (
    "delete from results where run in (select run from runs where campaign = ? and stamp = ?)",
    "delete from runs where campaign = ? and stamp = ?",
)
ADD_RUN = (
    "insert into runs (run, stamp, campaign, commit_id, complete)"
    " values ((select coalesce(max(run), 0) + 1 from runs), ?, ?, ?, ?) returning run"
)
TESTS = "select nodeid, test, seconds from tests"
LAST_TEST = "select coalesce(max(test), 0) from tests"
ADD_TEST = "insert into tests (test, nodeid, seconds) values (?, ?, ?)"
SET_SECONDS = "update tests set seconds = ? where test = ?"
ADD_RESULT = "insert into results (run, test, outcome, seconds, signature) values (?, ?, ?, ?, ?)"
DURATIONS = "select nodeid, seconds from tests where seconds is not null"
HISTORY = (
    "select r.stamp, r.campaign, r.commit_id, x.outcome, x.seconds, x.signature"
    " from results x join runs r on r.run = x.run join tests t on t.test = x.test"
    " where t.nodeid = ? order by r.stamp desc, r.run desc limit ?"
)
VERSION = "select version from triage_version"
SET_VERSION = "insert into triage_version (version) values (?)"


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
            for statement in SCHEMA.split(";"):
                database.rows(statement)
            versions = database.rows(VERSION)
            if not versions:
                database.rows(SET_VERSION, (SCHEMA_VERSION,))
        if versions and versions[0][0] != SCHEMA_VERSION:
            raise UsageError(
                "store-version",
                f"history {name} has schema {versions[0][0]}, this triage knows {SCHEMA_VERSION}",
                "delete it (it is a view of the evidence) or use the triage that wrote it",
            )

    def record(self, run: RunRecord, *, commit: str | None, signatures: Mapping[str, str]) -> None:
        """Add a run; a run of the same campaign and STAMP is replaced."""
        with self._db.transaction():
            for statement in DROP_RUN:
                self._db.rows(statement, (run.campaign, run.stamp))
            values = (run.stamp, run.campaign, commit, int(run.complete))
            number = self._db.rows(ADD_RUN, values)[0][0]
            unique = {storable(result.nodeid): result for result in run.results}
            numbers = self._number_tests(unique)
            self._db.many(
                ADD_RESULT,
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
        known = {nodeid: (test, seconds) for nodeid, test, seconds in self._db.rows(TESTS)}
        following = self._db.rows(LAST_TEST)[0][0] + 1
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
        self._db.many(ADD_TEST, added)
        self._db.many(SET_SECONDS, changed)
        return numbers

    def durations(self) -> dict[str, float]:
        """Exponentially weighted seconds of each test that ever finished."""
        return dict(self._db.rows(DURATIONS))

    def history(self, nodeid: str, limit: int = 50) -> Sequence[HistoryRow]:
        """The newest runs of one test, newest first."""
        rows = self._db.rows(HISTORY, (storable(nodeid), limit))
        names = ("stamp", "campaign", "commit", "outcome", "duration", "signature")
        return [HistoryRow.model_validate(dict(zip(names, row, strict=True))) for row in rows]

    def close(self) -> None:
        """Let go of the file or the connection."""
        self._db.close()


def storable(nodeid: str) -> str:
    """The node id without what a database refuses: NUL and lone surrogates are spelled out."""
    return nodeid.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def _measured(result: TestResult) -> float | None:
    return result.duration if result.outcome.finished else None


def _weighted(before: float | None, now: float) -> float:
    return now if before is None else (1 - DURATION_WEIGHT) * before + DURATION_WEIGHT * now

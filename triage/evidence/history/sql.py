"""What the two SQL stores share: how a run becomes rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from triage.errors import UsageError
from triage.evidence.history.api import DURATION_WEIGHT, HistoryRow
from triage.model.outcome import Outcome
from triage.model.run import RunRecord, TestResult

SCHEMA_VERSION = 3
_ASKED_AT_ONCE = 500
"""Node ids in one statement: databases bound how many values one may have."""
_MORE_RUNS = 8
"""Times as many runs are looked into where the newest ones have too few rows of a test."""

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
    dirty integer,                        -- 1 where the tree differed from the commit, null: unknown
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
    runs integer,                         -- how often the test ran in the run, reruns included
    failed integer,                       -- how many of them were red
    primary key (test, run)
);
create index if not exists results_by_outcome on results (outcome, test);
create index if not exists runs_by_stamp on runs (stamp, run)
"""
"""Tables of version 3. History of the schema: 1 - the first; 2 - reruns counted, dirty trees told apart;
3 - runs in the order of their STAMPs: the newest rows of a test are found without reading all of its rows."""

UPGRADES = {
    1: (
        "alter table runs add column dirty integer",
        "alter table results add column runs integer",
        "alter table results add column failed integer",
    ),
    2: (),  # the index is made with the tables
}
"""Statements that lead from a version to the next; what older rows do not know stays null."""

RUN_NUMBER = "select run from runs where campaign = ? and stamp = ?"
DROP_RESULTS = "delete from results where run = ? and test in (select test from tests)"
"""By way of all tests: results are found by test and run, and a whole history has many more of them."""
DROP_RUN = "delete from runs where run = ?"
ADD_RUN = (
    "insert into runs (run, stamp, campaign, commit_id, complete, dirty)"
    " values ((select coalesce(max(run), 0) + 1 from runs), ?, ?, ?, ?, ?) returning run"
)
TESTS = "select nodeid, test, seconds from tests where nodeid in ({nodeids})"
TEST_NUMBER = "select test from tests where nodeid = ?"
COUNT_RUNS = "select count(*) from runs"
LAST_TEST = "select coalesce(max(test), 0) from tests"
ADD_TEST = "insert into tests (test, nodeid, seconds) values (?, ?, ?)"
SET_SECONDS = "update tests set seconds = ? where test = ?"
ADD_RESULT = (
    "insert into results (run, test, outcome, seconds, signature, runs, failed) values (?, ?, ?, ?, ?, ?, ?)"
)
DURATIONS = "select nodeid, seconds from tests where seconds is not null"
HISTORY = (
    "select r.stamp, r.campaign, r.commit_id, r.dirty, x.outcome, x.seconds, x.signature, x.runs, x.failed"
    " from (select * from runs order by stamp desc, run desc limit ?) r"
    " join results x on x.run = r.run and x.test = ?"
    " order by r.stamp desc, r.run desc limit ?"
)
"""Looks into the newest runs alone: of the whole suite, and perhaps without the test."""
UNSTEADY = (
    "select t.nodeid from tests t"
    " where t.test in (select test from results where outcome in ({flaky}))"
    " or (t.test in (select test from results where outcome in ({red}))"
    " and exists (select 1 from results g where g.test = t.test and g.outcome in ({green})))"
    " order by t.nodeid"
)
"""Begins at the few failures: nearly all rows of a history are passes, and every run asks."""
VERSION = "select version from triage_version"
SET_VERSION = "insert into triage_version (version) values (?)"
UPGRADE_VERSION = "update triage_version set version = ?"


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
            else:
                self._upgrade(versions[0][0], name)

    def _upgrade(self, version: int, name: str) -> None:
        """Bring a history of an older triage to this schema; what it holds is kept."""
        for older in range(version, SCHEMA_VERSION):
            for statement in UPGRADES.get(older, ()):
                self._db.rows(statement)
        if version > SCHEMA_VERSION or version not in {*UPGRADES, SCHEMA_VERSION}:
            raise UsageError(
                "store-version",
                f"history {name} has schema {version}, this triage knows {SCHEMA_VERSION}",
                "delete it (it is a view of the evidence) or use the triage that wrote it",
            )
        self._db.rows(UPGRADE_VERSION, (SCHEMA_VERSION,))

    def record(self, run: RunRecord, *, commit: str | None, signatures: Mapping[str, str]) -> None:
        """Add a run; a run of the same campaign and STAMP is replaced."""
        with self._db.transaction():
            for (replaced,) in self._db.rows(RUN_NUMBER, (run.campaign, run.stamp)):
                self._db.rows(DROP_RESULTS, (replaced,))
                self._db.rows(DROP_RUN, (replaced,))
            values = (run.stamp, run.campaign, commit, int(run.complete), _flag(run.dirty))
            number = self._db.rows(ADD_RUN, values)[0][0]
            # two node ids may be spelled alike once they can be stored; the last one counts
            unique = {storable(result.nodeid): result for result in run.results}
            numbers = self._number_tests(unique)
            rows = []
            for nodeid, result in unique.items():
                signature = signatures.get(result.nodeid)
                rows.append((number, numbers[nodeid], *_result_columns(result, signature)))
            self._db.many(ADD_RESULT, rows)

    def _number_tests(self, results: Mapping[str, TestResult]) -> dict[str, int]:
        """Return the number of each test; adds those that are new and weighs in the durations of others."""
        known = self._known_tests(list(results))
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

    def _known_tests(self, nodeids: Sequence[str]) -> dict[str, tuple[int, float | None]]:
        """Return number and duration of those tests that the history has."""
        known: dict[str, tuple[int, float | None]] = {}
        for start in range(0, len(nodeids), _ASKED_AT_ONCE):
            asked = nodeids[start : start + _ASKED_AT_ONCE]
            query = TESTS.format(nodeids=", ".join("?" * len(asked)))
            for nodeid, test, seconds in self._db.rows(query, asked):
                known[nodeid] = (test, seconds)
        return known

    def durations(self) -> dict[str, float]:
        """Exponentially weighted seconds of each test that ever finished."""
        return dict(self._db.rows(DURATIONS))

    def history(self, nodeid: str, limit: int = 50) -> Sequence[HistoryRow]:
        """The newest runs of one test, newest first."""
        numbers = self._db.rows(TEST_NUMBER, (storable(nodeid),))
        if not numbers:
            return []
        ((test,),) = numbers
        ((all_runs,),) = self._db.rows(COUNT_RUNS)
        looked_into = limit
        rows = self._db.rows(HISTORY, (looked_into, test, limit))
        # a run of some tests or of another suite has no row of this one: then older runs are needed too
        while len(rows) < limit and looked_into < all_runs:
            looked_into *= _MORE_RUNS
            rows = self._db.rows(HISTORY, (looked_into, test, limit))
        return [_row(row) for row in rows]

    def unsteady(self) -> Sequence[str]:
        """Node ids of tests that were flaky in some run, or red in some and green in others."""
        query = UNSTEADY.format(
            flaky=_listed(outcome for outcome in Outcome if outcome.is_flaky),
            red=_listed(outcome for outcome in Outcome if outcome.is_red),
            green=_listed(outcome for outcome in Outcome if outcome.is_green),
        )
        return [nodeid for (nodeid,) in self._db.rows(query)]

    def close(self) -> None:
        """Let go of the file or the connection."""
        self._db.close()


def _flag(known: bool | None) -> int | None:
    """Return what SQL keeps: 1, 0, or null where nobody knows."""
    return None if known is None else int(known)


def _result_columns(result: TestResult, signature: str | None) -> tuple[Any, ...]:
    """Return the columns of `ADD_RESULT` behind the numbers of run and test."""
    executions, failed = result.executions, result.failed_executions
    return result.outcome.value, result.duration, signature, executions, failed


def _row(columns: Sequence[Any]) -> HistoryRow:
    """Read a row of `HISTORY`; histories of older versions know neither dirty trees nor reruns."""
    stamp, campaign, commit, dirty, outcome, seconds, signature, runs, failed = columns
    if runs is None or failed is None:
        result = TestResult(nodeid="", outcome=Outcome(outcome))
        runs = result.executions if runs is None else runs
        failed = result.failed_executions if failed is None else failed
    return HistoryRow(
        stamp=stamp,
        campaign=campaign,
        commit=commit,
        dirty=None if dirty is None else bool(dirty),
        outcome=Outcome(outcome),
        duration=seconds,
        signature=signature,
        runs=runs,
        failed=failed,
    )


def _listed(outcomes: Iterable[Outcome]) -> str:
    """Spell outcomes as a list of SQL; they are words of this program, so that nothing needs quoting."""
    return ", ".join(f"'{outcome.value}'" for outcome in outcomes)


def storable(nodeid: str) -> str:
    """Spell out in a node id what a database refuses: NUL and lone surrogates."""
    return nodeid.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def _measured(result: TestResult) -> float | None:
    """Return how long a test took; None where it was cut off."""
    return result.duration if result.outcome.finished else None


def _weighted(before: float | None, now: float) -> float:
    """Return the exponentially weighted duration of a test after one more run."""
    if before is None:
        return now
    return (1 - DURATION_WEIGHT) * before + DURATION_WEIGHT * now

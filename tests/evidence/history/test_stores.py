"""The SQL stores against the conformance kit, and what happens when files are bad or shared."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

import pytest

from triage.errors import UsageError
from triage.evidence.history import sql
from triage.evidence.history.sqlite import SqliteStore
from triage.model.outcome import Outcome
from triage.model.run import RunRecord, TestResult
from triage.testing.stores import check_store


def test_sqlite_conforms(tmp_path):
    check_store(lambda: SqliteStore(tmp_path / "h.sqlite"))


def test_a_file_that_is_no_history_is_named(tmp_path):
    (tmp_path / "h.sqlite").write_bytes(b"not a database, " * 100)
    with pytest.raises(UsageError, match=r"h\.sqlite.*store-unusable"):
        SqliteStore(tmp_path / "h.sqlite")


def test_a_newer_schema_is_refused(tmp_path):
    SqliteStore(tmp_path / "h.sqlite").close()
    with sqlite3.connect(tmp_path / "h.sqlite") as connection:
        connection.execute("update triage_version set version = 99")
    with pytest.raises(UsageError, match="schema 99"):
        SqliteStore(tmp_path / "h.sqlite")


VERSION_1 = """
create table triage_version (version integer not null);
insert into triage_version values (1);
create table runs (run integer primary key, stamp text not null, campaign text not null, commit_id text,
                   complete integer not null, unique (campaign, stamp));
create table tests (test integer primary key, nodeid text not null unique, seconds double precision);
create table results (run integer not null, test integer not null, outcome text not null,
                      seconds double precision, signature text, primary key (test, run));
insert into runs values (1, '20260101T000000Z', 'c', 'abc', 1);
insert into tests values (1, 't.py::a', 0.5), (2, 't.py::s', 0.1);
insert into results values (1, 1, 'failed', 0.5, 'reason/1:x'), (1, 2, 'skipped', 0.1, null);
"""


def test_a_history_of_the_first_version_is_read_and_goes_on(tmp_path):
    with sqlite3.connect(tmp_path / "h.sqlite") as connection:
        connection.executescript(VERSION_1)
    connection.close()
    for _ in range(2):  # the second opening finds it upgraded
        store = SqliteStore(tmp_path / "h.sqlite")
        (row,) = store.history("t.py::a")
        assert (row.commit, row.runs, row.failed, row.dirty) == ("abc", 1, 1, None)
        assert [row.runs for row in store.history("t.py::s")] == [0], "a skip is no run"
        store.close()


WRITER = """
import sys
from pathlib import Path
from triage.evidence.history.sqlite import SqliteStore
from triage.model.run import RunRecord, TestResult
store = SqliteStore(Path(sys.argv[1]))
for n in range(20):
    results = tuple(TestResult(nodeid=f"t.py::t{i}", outcome="passed", duration=0.1) for i in range(20))
    run = RunRecord(stamp=f"{sys.argv[2]}-{n:02}", campaign="c", root="/", complete=True, results=results)
    store.record(run, commit=None, signatures={})
"""


def test_writers_at_once_lose_nothing(tmp_path):
    path = tmp_path / "h.sqlite"
    children = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(n)]) for n in range(3)]
    assert [child.wait(timeout=60) for child in children] == [0, 0, 0]
    assert len(SqliteStore(path).history("t.py::t3", limit=1000)) == 60


@pytest.mark.skipif("TEST_POSTGRES" not in os.environ, reason="TEST_POSTGRES names no server")
def test_postgres_conforms():
    psycopg = pytest.importorskip("psycopg")
    from triage.evidence.history.postgres import PostgresStore

    url = os.environ["TEST_POSTGRES"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop table if exists results, tests, runs, triage_version")
    check_store(lambda: PostgresStore(url))


def test_postgres_errors_do_not_show_the_password():
    pytest.importorskip("psycopg")
    from triage.evidence.history.postgres import PostgresStore

    with pytest.raises(UsageError) as caught:
        PostgresStore("postgresql://someone:hunter2@127.0.0.1:1/none?connect_timeout=1")
    assert "hunter2" not in str(caught.value)


def test_the_newest_rows_are_those_with_the_latest_stamps(tmp_path):
    """Runs may be recorded in any order, and most of them may be without the test."""
    store = SqliteStore(tmp_path / "h.sqlite")
    stamps = [f"2026{month:02}{day:02}T000000Z" for month in range(1, 5) for day in range(1, 28)]
    shuffled = sorted(stamps, key=lambda stamp: stamp[::-1])
    for stamp in shuffled:
        names = ("t.py::often", "t.py::seldom") if stamp.endswith("03T000000Z") else ("t.py::often",)
        results = tuple(TestResult(nodeid=name, outcome=Outcome.PASSED) for name in names)
        run = RunRecord(stamp=stamp, campaign="c", root="/", complete=True, results=results)
        store.record(run, commit=None, signatures={})
    newest_first = sorted(stamps, reverse=True)
    for limit in (1, 2, 5, 1000):
        seldom = [stamp for stamp in newest_first if stamp.endswith("03T000000Z")]
        assert [row.stamp for row in store.history("t.py::often", limit)] == newest_first[:limit]
        assert [row.stamp for row in store.history("t.py::seldom", limit)] == seldom[:limit]
    assert store.history("t.py::never") == []


def test_recording_reads_no_other_results(tmp_path):
    """What a run costs does not grow with the history: no statement goes through all results."""
    store = SqliteStore(tmp_path / "h.sqlite")
    with sqlite3.connect(tmp_path / "h.sqlite") as connection:
        for statement in (sql.DROP_RESULTS, sql.DROP_RUN, sql.HISTORY.replace("limit ?", "limit 1")):
            values = (1,) * statement.count("?")
            plan = connection.execute(f"explain query plan {statement}", values).fetchall()
            scanned = [row[-1] for row in plan if row[-1].startswith(("SCAN results", "SCAN x"))]
            assert not scanned, statement
    store.close()

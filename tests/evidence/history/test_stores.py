"""The SQL stores against the conformance kit, and what happens when files are bad or shared."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from triage.errors import UsageError
from triage.evidence.history.sqlite import SqliteStore
from triage.testing.stores import check_store


def test_sqlite_conforms(tmp_path):
    check_store(lambda: SqliteStore(tmp_path / "h.sqlite"))


def test_a_file_that_is_no_history_is_named(tmp_path):
    (tmp_path / "h.sqlite").write_bytes(b"not a database, " * 100)
    with pytest.raises(UsageError, match=r"h\.sqlite.*store-unusable"):
        SqliteStore(tmp_path / "h.sqlite")


def test_a_newer_schema_is_refused(tmp_path):
    import sqlite3

    SqliteStore(tmp_path / "h.sqlite").close()
    with sqlite3.connect(tmp_path / "h.sqlite") as connection:
        connection.execute("update triage_version set version = 99")
    with pytest.raises(UsageError, match="schema 99"):
        SqliteStore(tmp_path / "h.sqlite")


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

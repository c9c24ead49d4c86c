"""Values that reports are made of, hostile where a test can make them so."""

from __future__ import annotations

import pytest

from triage.model.cluster import Cluster, ClusterStatus, RunState, Why
from triage.model.failure import Failure, Frame, Raised
from triage.model.outcome import Outcome, Phase
from triage.model.run import Attempt, Chunk, Limits, Plan, RunRecord, TestResult

EVIL = "t.py::test[|`]</code>\x1b[31m<script>alert(1)</script>\n::error::x\u202e@me #1 http://e.x]"


def _failure(nodeid: str, message: str) -> Failure:
    frames = (Frame(path="tests/t.py", lineno=7, origin="test"), Frame(path="/usr/lib/x.py", lineno=3))
    return Failure(
        nodeid=nodeid,
        phase=Phase.CALL,
        chain=(Raised(type="AssertionError", message=message, frames=frames),),
    )


@pytest.fixture
def record() -> RunRecord:
    """Four tests of three outcomes, one with a hostile name, in two chunks; one collection error."""
    results = (
        TestResult(nodeid="t.py::ok", outcome=Outcome.PASSED, chunk="chunk_01", attempt=1, duration=0.25),
        TestResult(
            nodeid=EVIL,
            outcome=Outcome.FAILED,
            chunk="chunk_01",
            attempt=1,
            duration=1.5,
            failures=(_failure(EVIL, "assert <b>1</b> | 2\nsecond line"),),
        ),
        TestResult(
            nodeid="t.py::boom", outcome=Outcome.CRASHED, chunk="chunk_02", attempt=1, signal="SIGSEGV"
        ),
        TestResult(nodeid="t.py::skip", outcome=Outcome.SKIPPED, chunk="chunk_02", attempt=2, duration=0.0),
    )
    plan = Plan(
        chunks=(
            Chunk(name="chunk_01", nodeids=("t.py::ok", EVIL)),
            Chunk(name="chunk_02", nodeids=("t.py::boom", "t.py::skip")),
        ),
        limits=Limits(),
        durations_from="module sizes",
    )
    return RunRecord(
        stamp="20261123T061000Z",
        campaign="x",
        root="/r",
        complete=True,
        results=results,
        collect_errors=(
            TestResult(nodeid="bad.py", outcome=Outcome.ERROR, failures=(_failure("bad.py", "SyntaxError"),)),
        ),
        plan=plan,
        attempts=(
            Attempt(chunk="chunk_01", number=1, command="pytest", exit_code=1, seconds=1.75),
            Attempt(
                chunk="chunk_02",
                number=1,
                command="pytest",
                signal="SIGSEGV",
                ended="crashed",
                seconds=0.5,
                culprit="t.py::boom",
            ),
            Attempt(chunk="chunk_02", number=2, command="pytest", exit_code=0, seconds=0.25),
        ),
        seconds=2.5,
        notes=("xdist was switched off\x1b[2J",),
    )


@pytest.fixture
def clusters() -> tuple[Cluster, ...]:
    """One new, one regressed, one fixed."""
    why = (
        Why(kind="frame", detail="src/<a>.py:3 f()"),
        Why(kind="message", detail="like", proposal=True, confirm="triage probe C19"),
    )
    return (
        Cluster(id="C19", title="a | b `c` <script>", state_in_run=RunState.NEW, members=(EVIL,), why=why),
        Cluster(
            id="C20",
            title="crash",
            status=ClusterStatus.OPEN,
            state_in_run=RunState.REGRESSED,
            members=("t.py::boom",),
            owner="kim",
        ),
        Cluster(id="C3", title="old", state_in_run=RunState.FIXED, members=("t.py::ok",)),
    )


@pytest.fixture
def failure_rows() -> list[dict]:
    """Rows of failures.json."""
    return [
        {"nodeid": "bad.py", "cluster": None},
        {"nodeid": EVIL, "cluster": "C19"},
        {"nodeid": "t.py::boom", "cluster": "C20"},
    ]

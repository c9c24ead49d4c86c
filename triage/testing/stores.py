"""Test that a history store keeps its protocol: call `check_store(make)` from a test."""

from __future__ import annotations

from collections.abc import Callable

from triage.evidence.history.api import DURATION_WEIGHT, HistoryStore
from triage.model.outcome import Outcome
from triage.model.run import Reruns, RunRecord, TestResult


def check_store(make: Callable[[], HistoryStore]) -> None:
    """Assert everything that `HistoryStore` promises, on an empty store that `make` opens.

    `make` is called again to see that what was recorded outlives the object that recorded it.
    """
    store = make()
    assert store.durations() == {}
    assert list(store.history("t.py::a")) == []
    store.record(_run("20260101T000000Z", a=1.0, b=2.0), commit="c1", signatures={})
    store.record(
        _run("20260102T000000Z", a=2.0, b=None), commit=None, signatures={"t.py::b": "reason/1:" + "0" * 16}
    )
    store.close()

    store = make()
    weighted = (1 - DURATION_WEIGHT) * 1.0 + DURATION_WEIGHT * 2.0
    assert store.durations() == {"t.py::a": weighted, "t.py::b": 2.0}, "a crash must not count as a duration"
    newest, oldest = store.history("t.py::b")
    assert (newest.stamp, newest.outcome, newest.signature) == (
        "20260102T000000Z", Outcome.CRASHED, "reason/1:" + "0" * 16,
    )  # fmt: skip
    assert (oldest.commit, newest.commit) == ("c1", None)
    assert len(store.history("t.py::b", limit=1)) == 1

    store.record(_run("20260102T000000Z", a=2.0, b=3.0), commit=None, signatures={})
    assert [row.outcome for row in store.history("t.py::b")] == [Outcome.PASSED, Outcome.PASSED], "replaced"
    _check_reruns(store)
    odd = "t.py::x[\ud800\0'; drop table runs; --]"
    hostile = RunRecord(stamp="20260103T000000Z", campaign="c", root="/", complete=True,
                        results=(TestResult(nodeid=odd, outcome=Outcome.PASSED, duration=0.1),))  # fmt: skip
    store.record(hostile, commit=None, signatures={})
    assert len(store.history(odd)) == 1
    store.close()


def _check_reruns(store: HistoryStore) -> None:
    """Reruns count; of tests that always fared alike there is nothing to say."""
    assert list(store.unsteady()) == []
    reruns = Reruns(runs=2, failed=1)
    results = (
        TestResult(nodeid="t.py::a", outcome=Outcome.FAILED),
        TestResult(nodeid="t.py::b", outcome=Outcome.PASSED),
        TestResult(nodeid="t.py::c", outcome=Outcome.FLAKY, reruns=reruns),
    )
    run = RunRecord(stamp="20260104T000000Z", campaign="c", root="/", complete=True, results=results)
    store.record(run.model_copy(update={"dirty": True}), commit="c2", signatures={})
    assert list(store.unsteady()) == ["t.py::a", "t.py::c"], "red and green, or flaky"
    (row,) = store.history("t.py::c")
    assert (row.runs, row.failed, row.dirty) == (3, 2, True)
    assert [(row.runs, row.failed) for row in store.history("t.py::b")] == [(1, 0)] * 3


def _run(stamp: str, *, a: float | None, b: float | None) -> RunRecord:
    results = tuple(
        TestResult(
            nodeid=f"t.py::{name}",
            outcome=Outcome.PASSED if seconds else Outcome.CRASHED,
            duration=seconds or 99.0,
        )
        for name, seconds in (("a", a), ("b", b))
    )
    return RunRecord(stamp=stamp, campaign="c", root="/", complete=True, results=results)

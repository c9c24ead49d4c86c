"""Which run shows a test red, and the order of its process there."""

from __future__ import annotations

from pathlib import Path

from triage.campaign.recorded_order import RecordedIn, red_run
from triage.model.outcome import Outcome
from triage.model.run import Chunk, Limits, Plan, RunRecord, TestResult


def run(stamp: str, outcome: Outcome, order: tuple[str, ...]) -> RecordedIn:
    record = RunRecord(
        stamp=stamp, campaign="x", root="/", complete=True,
        results=(TestResult(nodeid="t.py::x", outcome=outcome),),
        plan=Plan(chunks=(Chunk(name="chunk_01", nodeids=order),), limits=Limits(), durations_from="x"),
    )  # fmt: skip
    return RecordedIn(record, Path(stamp))


def test_the_order_is_that_of_the_chunk_as_planned(tmp_path):
    found = run("20260101T000000Z", Outcome.FAILED, ("t.py::b", "t.py::x", "t.py::a"))
    assert red_run(tmp_path, found, ["t.py::x"]) is found
    assert found.order_of("t.py::x") == ("t.py::b", "t.py::x", "t.py::a")
    assert found.order_of("t.py::gone") == ()


def test_a_run_that_shows_it_green_is_none(tmp_path):
    green = run("20260101T000000Z", Outcome.PASSED, ("t.py::x",))
    assert red_run(tmp_path, green, ["t.py"]) is None
    assert red_run(tmp_path, None, ["t.py"]) is None

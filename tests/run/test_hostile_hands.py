"""Tests that lay hands on what they run in: each has its own outcome, and the next ones theirs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.planted.hostile import hands
from triage.model.run import RunRecord

pytestmark = pytest.mark.slow

Survive = Callable[..., RunRecord]


def test_what_a_test_replaces_does_not_reach_the_record(survive: Survive, isolation: str) -> None:
    record = survive(hands.patched_modules(), isolation=isolation)
    assert all(r.failures[0].message == "assert 0" for r in record.results if r.outcome == "failed")


@pytest.mark.slow
def test_limits_that_a_test_lowers_cost_no_outcome(survive: Survive, isolation: str) -> None:
    record = survive(hands.starved(), isolation=isolation)
    signals = {r.nodeid.partition("::test_")[2]: r.signal for r in record.results if r.signal}
    assert signals == {"cpu": "SIGXCPU"}


@pytest.mark.slow
def test_signals_to_the_processes_above_are_not_heard(survive: Survive, isolation: str) -> None:
    record = survive(hands.signals_around(), isolation=isolation)
    signals = {r.nodeid.partition("::test_")[2]: r.signal for r in record.results if r.signal}
    assert signals == {"group_dies": "SIGKILL", "alarm": "SIGALRM"}
    assert not any(attempt.ended == "lost" for attempt in record.attempts)


@pytest.mark.slow
def test_who_is_stopped_hangs_and_leaves_stacks(
    survive: Survive, isolation: str, evidence: Callable[[], Path]
) -> None:
    record = survive(hands.stopped(), isolation=isolation)
    stacks = "".join(path.read_text() for path in evidence().rglob("stacks.txt"))
    for result in record.results:
        if result.outcome == "timeout":
            frame = result.failures[0].chain[0].frames[-1]
            assert f"line {frame.lineno} in {frame.function}" in stacks or frame.path == "test_stop.py"


@pytest.mark.slow
def test_forks_report_once(survive: Survive, isolation: str) -> None:
    record = survive(hands.forks(), isolation=isolation)
    assert any("left behind" in note for note in record.notes)


def test_closed_streams_cost_their_test_alone(survive: Survive, isolation: str) -> None:
    record = survive(hands.streams_closed(), isolation=isolation)
    after = next(r for r in record.results if r.nodeid.endswith("::test_after"))
    assert after.failures[0].captured.stdout == "said\n"


@pytest.mark.slow
def test_sweepers_take_neither_outcome_nor_evidence(
    survive: Survive, isolation: str, evidence: Callable[[], Path], tmp_path: Path
) -> None:
    record = survive(hands.sweepers(), isolation=isolation)
    files = {path.name for path in evidence().rglob("*") if path.is_file() and not path.is_symlink()}
    assert files >= {
        "commands.txt",
        "env.json",
        "preflight.json",
        "plan.json",
        "events.jsonl",
        "results.json",
        "pytest.log",
    }
    assert RunRecord.model_validate_json((evidence() / "results.json").read_text()).results == record.results
    assert (tmp_path / "suite" / "victim.txt").read_text() == "precious", (
        "what a link leads to is not written to"
    )


@pytest.mark.slow
def test_evil_exceptions_are_told_in_full(survive: Survive, isolation: str) -> None:
    record = survive(hands.evil_exceptions(), isolation=isolation)
    failures = {r.nodeid.partition("::test_")[2]: r.failures for r in record.results}
    assert failures["leaves"][0].message == "<Leaves whose text raises SystemExit>"
    assert failures["odd"][0].message == "an odd text"
    assert all(result.failures for result in record.results if result.outcome.is_red)

"""Crashes and hangs of every kind: one outcome a test, the culprit named, nothing left running."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.planted.hostile import api
from triage.model.run import RunRecord

pytestmark = pytest.mark.slow

Survive = Callable[..., RunRecord]


def test_every_death_is_named_with_its_signal(survive: Survive, isolation: str) -> None:
    record = survive(api.every_death(), isolation=isolation)
    results = {r.nodeid.removeprefix("test_deaths.py::test_"): r for r in record.results}
    for name, (signal, code) in api.DEATH_SIGNS.items():
        assert (results[name].signal, results[name].exit_code) == (signal, code), name
        assert results[name].failures, name
    assert (
        results["segv"]
        .failures[0]
        .chain[0]
        .frames[-1]
        .path.endswith(("test_deaths.py", "ctypes/__init__.py"))
    )


@pytest.mark.parametrize("place", ["first", "middle", "last", "twice"])
def test_death_at_any_place(survive: Survive, place: str) -> None:
    survive(api.death_in_place(place))


def test_death_in_fixtures(survive: Survive, isolation: str) -> None:
    survive(api.death_in_fixtures(), isolation=isolation)


@pytest.mark.slow
def test_death_at_import_costs_its_file_alone(survive: Survive, isolation: str) -> None:
    record = survive(api.death_at_import(), isolation=isolation)
    errors = {error.nodeid: error for error in record.collect_errors}
    assert errors["test_a_kills.py"].signal == "SIGABRT"
    assert errors["test_d_raises.py"].failures[0].exception == "ModuleNotFoundError"


@pytest.mark.parametrize("how", ["session", "exit", "unconfigure"])
def test_death_behind_the_last_test_loses_no_outcome(survive: Survive, isolation: str, how: str) -> None:
    record = survive(api.death_after_the_last(how), isolation=isolation)
    assert len(record.attempts) == 1
    assert record.attempts[0].ended == "crashed"
    assert any("last test" in note for note in record.notes)


@pytest.mark.slow
def test_every_hang_is_named_with_its_stacks(
    survive: Survive, isolation: str, evidence: Callable[[], Path]
) -> None:
    record = survive(api.every_hang(), isolation=isolation)
    stacks = "".join(path.read_text() for path in evidence().rglob("stacks.txt"))
    hung = [r for r in record.results if r.outcome == "timeout"]
    for result in hung:
        frame = result.failures[0].chain[0].frames[-1]
        if not result.nodeid.endswith("two_threads"):
            assert (frame.path, frame.origin) == ("test_hangs.py", "test")
        assert f"line {frame.lineno} in {frame.function}" in stacks
    assert {r.failures[0].phase.value for r in hung} == {"call", "setup"}
    assert stacks.count("in waits_beside") >= 2, "threads beside the one that hangs are shown too"


@pytest.mark.parametrize("how", ["thread", "atexit", "session"])
def test_hang_at_exit_loses_no_outcome(survive: Survive, isolation: str, how: str) -> None:
    record = survive(api.hang_at_exit(how), isolation=isolation)
    assert record.attempts[0].ended == "test-timeout"
    assert any("hung" in note for note in record.notes)


@pytest.mark.slow
def test_nothing_is_left_running_and_nobody_else_is_hit(
    survive: Survive, isolation: str, tmp_path: Path
) -> None:
    bystander = psutil.Popen(["sleep", "60"], start_new_session=True)
    try:
        pids = tmp_path / "pids"
        record = survive(api.offspring(pids), isolation=isolation)
        left = [int(line) for line in pids.read_text().split()]
        assert len(left) >= 3
        time.sleep(0.1)
        assert [pid for pid in left if psutil.pid_exists(pid)] == []
        assert any("left behind were killed" in (a.note or "") for a in record.attempts)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_who_kills_his_supervisor_is_named_when_it_happens_again(survive: Survive, isolation: str) -> None:
    record = survive(api.parricide(), isolation=isolation)
    assert [attempt.ended for attempt in record.attempts][:2] == ["lost", "lost"]


def test_a_slow_start_is_no_hang(survive: Survive, isolation: str) -> None:
    text = "import time\ndef test_a(): pass\ndef test_hangs(): time.sleep(1000)\ndef test_b(): pass\n"
    files = {"conftest.py": "import time\ntime.sleep(1.5)\n", "test_a.py": text}
    outcomes = {"a": "passed", "hangs": "timeout", "b": "passed"}
    expected = {f"test_a.py::test_{name}": outcome for name, outcome in outcomes.items()}
    survive(api.HostileSuite(files, expected, test_timeout=1.0), isolation=isolation)

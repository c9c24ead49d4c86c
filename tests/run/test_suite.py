"""The harness itself is interrupted, killed, run twice, starved of disk; what is known stays known."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.planted.lab import PATIENCE, Lab, expected, outcomes
from triage.model.run import Attempt, NoteKind, RunRecord


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_in_order_and_resume_finishes(lab: Lab, number: signal.Signals) -> None:
    lab.write()
    process = lab.start("workers=2", "chunks=2")
    lab.wait_for(10)
    process.send_signal(number)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert lab.all_gone()
    before = lab.known()
    assert len(before) >= 8
    record = lab.finish("resume", "workers=2")
    assert outcomes(record) == expected(2, 30)
    assert record["complete"]
    ran = lab.ran.read_text().split()
    again = {name for name in ran if ran.count(name) > 1}
    assert len(again) <= 2, "only what ran when the signal came may run again"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["warm", "fresh"])
def test_killed_at_random_moments_nothing_with_an_outcome_runs_twice(lab: Lab, how: str) -> None:
    """One run, taken up again each time: killed in collection, while planning, between and within tests."""
    chance = random.Random(how)
    workers, kills = 2, 5
    lab.write(count=60, nap=0.03)  # more tests than all kills together wait for
    options = (f"workers={workers}", "chunks=4", f'isolation="{how}"')
    for kill in range(kills):
        started = sum(lab.runs().values())
        process = lab.start(*(("resume",) if kill else ()), *options)
        lab.wait_for_folder()
        lab.wait_for(started + chance.randint(0, 12))
        time.sleep(chance.uniform(0.0, 0.05))
        known, before = lab.known(), lab.runs()
        process.kill()
        process.communicate()
        assert lab.all_gone(), "what the harness started dies with it"
        assert not [name for name in known if lab.runs()[name] > max(1, before[name])]
    record = lab.finish("resume", *options)
    assert outcomes(record) == expected(2, 60)
    assert record["complete"]
    again = sum(number - 1 for number in lab.runs().values())
    assert again <= workers * kills, "only what ran when a kill came may run again"
    assert list(lab.tmp.glob("*triage-*")) == [], "nothing is left beside the evidence"


@pytest.mark.slow
def test_kill_before_collection_ends_then_resume(lab: Lab) -> None:
    lab.write()
    began = lab.tmp / "began"
    text = f"import pathlib, time\npathlib.Path({str(began)!r}).touch()\ntime.sleep(1)\n"
    (lab.root / "conftest.py").write_text(text)
    process = lab.start()
    deadline = time.monotonic() + PATIENCE
    while not began.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert outcomes(lab.finish("resume")) == expected(2, 30)


@pytest.mark.slow
def test_a_half_written_record_is_read_as_far_as_it_is_whole(lab: Lab) -> None:
    lab.write(files=1)
    process = lab.start()
    lab.wait_for(10)
    process.kill()
    process.communicate()
    lab.all_gone()
    for path in lab.tmp.glob("triage-*"):
        subprocess.run(["rm", "-rf", str(path)], check=True)
    events = lab.folder / "events.jsonl"
    events.write_bytes(events.read_bytes()[:-7] + b"\n\x00\xff{half a li")
    assert outcomes(lab.finish("resume")) == expected(1, 30)


@pytest.mark.slow
def test_two_runs_at_once_harm_nothing(lab: Lab) -> None:
    lab.write(count=5)
    gate = lab.root / "gate"
    text = (
        f"import os, time\ndef test_gate():\n    while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
    )
    (lab.root / "test_z.py").write_text(text)
    first = lab.start('limits={"test_timeout": 300}')
    lab.wait_for(10)
    second = lab.start()
    assert second.wait(PATIENCE) == 2
    assert "stamp-taken" in second.stderr.read()  # type: ignore[union-attr]
    third = lab.start("resume")
    assert third.wait(PATIENCE) == 3
    assert "run-in-progress" in third.stderr.read()  # type: ignore[union-attr]
    gate.touch()
    out, _ = first.communicate(timeout=PATIENCE)
    assert outcomes(json.loads(out)) == expected(2, 5) | {"test_z.py::test_gate": "passed"}


@pytest.mark.slow
def test_a_clock_that_runs_backwards_changes_nothing(lab: Lab) -> None:
    lab.write(files=1, count=5)
    record = lab.finish("clock_jumps=true")
    assert outcomes(record) == expected(1, 5)
    assert all(0 <= result["duration"] < 5 for result in record["results"])


def test_a_clock_that_a_test_turns_changes_nothing(
    tmp_path: Path, run_here: Callable[..., RunRecord]
) -> None:
    root = tmp_path / "suite"
    root.mkdir()
    (root / "test_t.py").write_text(
        "import time\ndef test_a():\n    time.time = lambda: 0.0\ndef test_b(): pass\n"
    )
    assert run_here().counts.passed == 2


def test_the_limit_of_the_whole_run_leaves_the_rest_not_run(
    tmp_path: Path, run_here: Callable[..., RunRecord]
) -> None:
    """The clock jumps over the limit when the sixth test has run; the seventh is waiting then."""
    root = tmp_path / "suite"
    root.mkdir()
    reached = tmp_path / "reached"
    (root / "test_t.py").write_text(
        "import pathlib, time, pytest\n"
        "@pytest.mark.parametrize('n', range(20))\n"
        "def test_n(n):\n"
        f"    if n == 6: pathlib.Path({str(reached)!r}).touch(); time.sleep(600)\n"
    )

    def clock() -> float:
        return time.monotonic() + (1e6 if reached.exists() else 0.0)

    limits = {"total_timeout": 1e5, "test_timeout": 600.0}
    record = run_here(limits=limits, monotonic=clock)
    assert not record.complete
    assert record.void == "14 of 20 planned tests have no outcome: the run's time was up"
    assert record.resumable
    assert (record.counts.passed, record.counts.not_run) == (6, 14)
    assert record.counts.adds_up


@pytest.mark.slow
def test_a_chunk_that_needs_more_than_its_limit_is_split(
    tmp_path: Path, run_here: Callable[..., RunRecord]
) -> None:
    root = tmp_path / "suite"
    root.mkdir()
    text = (
        "import time, pytest\n@pytest.mark.parametrize('n', range(12))\n"
        "def test_n(n): time.sleep(100 if n == 7 else 0.5)\n"
    )
    (root / "test_t.py").write_text(text)
    record = run_here(limits={"chunk_timeout": 3.0}, chunks=1)
    assert {r.nodeid[-3:]: r.outcome.value for r in record.results if r.outcome != "passed"} == {
        "[7]": "timeout"
    }
    assert len(record.attempts) >= 3
    assert any("split after" in note for note in record.notes)


def test_left_processes_are_noted_also_where_output_was_cut(
    tmp_path: Path, run_here: Callable[..., RunRecord]
) -> None:
    root = tmp_path / "suite"
    root.mkdir()
    (root / "test_t.py").write_text(
        "import subprocess\n"
        "def test_a():\n"
        "    subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
        "    print('x' * 1_000_000)\n"
    )
    record = run_here(limits={"log_bytes": 4096}, pytest_args=("-s",))
    (attempt,) = record.attempts
    assert [note.kind for note in attempt.notes] == [NoteKind.LEFT_PROCESSES, NoteKind.OUTPUT_CUT]
    assert record.notes == (f"chunk_01, attempt 1: {attempt.notes[0].text}",)


def test_notes_of_older_evidence_are_read_from_their_text() -> None:
    attempt = Attempt.model_validate({"chunk": "c", "number": 1, "command": "", "note": "hung; 3 killed"})
    assert attempt.note == "hung; 3 killed"
    assert Attempt.model_validate_json(attempt.model_dump_json()) == attempt

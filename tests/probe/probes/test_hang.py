"""Tests that do not end or die, run for real: who waits for what, and that its release makes them pass."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.planted.faults.stuck import PLANTS
from tests.planted.hostile.forked import Fork
from triage.lab.protocol import Setup
from triage.model.outcome import Outcome
from triage.probe.line_removal import without_lines
from triage.probe.probes.crash import native_call
from triage.probe.probes.hang import releasing
from triage.probe.waits import explained, frames_in, lock_cycle
from triage.testing.probes import case_of, seen

STUCK = {one.name: one for one in PLANTS}
WAITS = {
    "lock-order": ("a cycle of locks", {"bank.py:6", "bank.py:8"}),
    "child-waits-for-input": ("waits for input from its standard input", {"shellout.py:4"}),
    "pipe-full": ("waits for room in its standard output", {"shellout.py:4"}),
    "join-never": ("thread sweeper (started at pool.py:5)", {"pool.py:5", "tests/test_s.py:4"}),
    "event-never-set": ("waits for an event", {"flow.py:4"}),
    "queue-empty": ("waits for an item of a queue", {"mail.py:6"}),
}
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="Linux")]


@pytest.mark.parametrize("name", WAITS)
def test_what_it_waits_for_is_named_and_its_release_ends_the_wait(name, tmp_path):
    one = STUCK[name]
    world = Fork(tmp_path, one.files, seconds=6)
    case = _case(world, one)
    run = world(case.base.plus(instruments={"waits": {"after": 1.0}}))
    (line,) = run.lines("waits", "standing")
    words, where = explained(line)
    wanted, places = WAITS[name]
    assert wanted in words
    assert places <= set(where)
    assert not line["moved"]
    cures = [*releasing(case, line), *without_lines(case, "timeout", frames_in(line))]
    assert any(world(cure.treated).passed(one.subject) for cure in cures)


@pytest.mark.serial
def test_a_loop_that_changes_its_values_moves(tmp_path):
    one = STUCK["spins"]
    # the stacks are taken after one second; on a busy machine the start alone has taken six
    world = Fork(tmp_path, one.files, seconds=15)
    run = world(_case(world, one).base.plus(instruments={"waits": {"after": 1.0}}))
    (line,) = run.lines("waits", "standing")
    assert line["moved"]
    assert not lock_cycle(line)


def test_watched_locks_work_as_locks_do(tmp_path):
    body = """
import threading
def test_it():
    plain, again = threading.Lock(), threading.RLock()
    with again, again, plain:
        assert plain.locked() and not plain.acquire(blocking=False)
    assert plain.acquire(timeout=0.1) and not plain.acquire(timeout=0.1)
    plain.release()
    condition, seen = threading.Condition(again), []
    def tell():
        with condition:
            seen.append(1)
            condition.notify_all()
    with condition:
        threading.Thread(target=tell).start()
        assert condition.wait_for(lambda: seen, timeout=5)
"""
    world = Fork(tmp_path, {"tests/test_s.py": body})
    setup = _setup("tests/test_s.py::test_it")
    assert world(setup.plus(instruments={"waits": {"after": 15.0}})).passed("tests/test_s.py::test_it")


@pytest.mark.skipif(shutil.which("gdb") is None, reason="no debugger here")
def test_the_signal_and_the_native_call_are_named_where_a_debugger_is(tmp_path):
    body = "import ctypes\ndef test_it():\n    ctypes.string_at(0)\n"
    # a debugger reads the symbols of all that other tests have imported here, torch before all
    world = Fork(tmp_path, {"tests/test_s.py": body}, seconds=300)
    run = world(_setup("tests/test_s.py::test_it").measuring("lastline", "native"))
    assert run.outcome("tests/test_s.py::test_it") is Outcome.CRASHED
    assert run.lines("lastline", "at")[-1]["frames"][0] == "tests/test_s.py:3"
    stacks = [text for line in run.lines("native", "native") for text in line["stacks"]]
    if not stacks:
        pytest.skip("the debugger may not look here")
    assert "SIGSEGV in" in native_call(stacks)
    assert "string_at" in native_call(stacks)


def test_without_a_debugger_the_line_is_known_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    body = "import ctypes\ndef test_it():\n    ctypes.string_at(0)\n"
    world = Fork(tmp_path / "w", {"tests/test_s.py": body})
    run = world(_setup("tests/test_s.py::test_it").measuring("lastline", "native"))
    assert run.lines("lastline", "at")[-1]["frames"][0] == "tests/test_s.py:3"
    assert not run.lines("native")


def _setup(nodeid):
    return Setup(nodeids=(nodeid,))


def _case(world, one):
    """As the claim would have it, without waiting for the limit."""
    return case_of(
        one.subject,
        lambda setup: seen(one.subject, Outcome.TIMEOUT),
        files=tuple(world.files),
        source=world.files.get,
    )

"""Runs in several processes, as experiments see them: real workers of pytest-xdist."""

from __future__ import annotations

import json
import textwrap
import time

import pytest

from tests.run.conftest import make_world
from triage.lab.observations import observation_of
from triage.lab.parallel_tests import parallel_tests
from triage.model.failure import CRASHED
from triage.model.outcome import Outcome
from triage.model.run import Limits, Selection
from triage.process.local import LocalExecutor
from triage.run.selection import run_selection

FILE = """
    import os, pathlib, time
    def meet(me):
        # each waits until the other has come, so both run at the same time for sure
        pathlib.Path(me).touch()
        for _ in range(600):
            if len(list(pathlib.Path().glob("test_*_met"))) == 2:
                return
            time.sleep(0.05)
    def test_one():
        meet("test_one_met")
    def test_two():
        meet("test_two_met")
        raise KeyError("two")
    def test_three():
        os._exit(3)
    def test_four():
        assert "PYTEST_XDIST_WORKER" in os.environ
"""


@pytest.fixture
def at_once(tmp_path):
    """Runs a selection under workers; gives the observation."""
    pytest.importorskip("xdist")
    root = tmp_path / "suite"
    root.mkdir()
    (root / "test_a.py").write_text(textwrap.dedent(FILE))
    (root / "pytest.ini").write_text("[pytest]\naddopts = -p xdist -x -n 7\n")

    def run(*names, workers=2, distribution="load"):
        selection = Selection(
            root=str(root),
            nodeids=tuple(f"test_a.py::{name}" for name in names),
            limits=Limits(test_timeout=60.0),
            workers=workers,
            distribution=distribution,
        )
        world = make_world()
        executor = LocalExecutor(world=world)
        folder = tmp_path / f"out-{time.monotonic_ns()}"
        result = run_selection(selection, env={}, python=None, folder=folder, executor=executor, world=world)
        executor.close()
        return observation_of(result, {})

    return run


@pytest.mark.slow
def test_workers_run_what_is_selected_and_say_who_ran_beside_whom(at_once):
    run = at_once("test_two", "test_one", "test_four")
    one, two, four = (f"test_a.py::{name}" for name in ("test_one", "test_two", "test_four"))
    assert run.outcomes == {one: Outcome.PASSED, two: Outcome.FAILED, four: Outcome.PASSED}
    assert {run.worker_of[one], run.worker_of[two]} == {"gw0", "gw1"}
    assert one in run.at_once[two]
    failure = run.failures[two]
    assert (failure.exception, failure.message) == ("KeyError", "'two'")
    assert failure.chain[0].frames[-1].lineno == 14, "taken apart in the worker, as in any other process"
    assert "-n 2 --dist load" in run.command


@pytest.mark.slow
def test_a_test_that_ends_its_worker_is_crashed_in_each_of_them(at_once):
    run = at_once("test_three", distribution="each")
    assert run.outcomes == {"test_a.py::test_three": Outcome.CRASHED}
    assert run.failures["test_a.py::test_three"].exception == CRASHED


def test_what_a_worker_ran_before_is_its_own_order(tmp_path):
    events = [
        {"e": "collected", "ids": ["a", "b", "c"]},
        {"e": "start", "i": 0}, {"e": "start", "i": 1},
        {"e": "finish", "i": 1, "outcome": "passed", "worker": "gw1"},
        {"e": "start", "i": 2},
        {"e": "finish", "i": 0, "outcome": "passed", "worker": "gw0"},
        {"e": "finish", "i": 2, "outcome": "failed", "worker": "gw1"},
    ]  # fmt: skip
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    tests = parallel_tests(tmp_path)
    assert tests.worker_of == {"b": "gw1", "a": "gw0", "c": "gw1"}
    assert tests.at_once == {"c": ("a",)}, "b was over before it began"

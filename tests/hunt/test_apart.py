"""Tests in children of one process: what each one gives is its own, whatever becomes of the others."""

from __future__ import annotations

import pytest

from tests.fixtures.projects import project
from triage.cli import wiring
from triage.cli.context import App
from triage.hunt.apart import Apart
from triage.hunt.coverage import OrderedPairs
from triage.hunt.seen import SeenRun
from triage.hunt.warm import WarmSuite
from triage.lab.environment import environment_of
from triage.lab.session import workspace
from triage.model.outcome import Outcome

__all__ = ["project"]

SUITE = """
import os
import time

import pytest

DONE = []


@pytest.fixture(scope="module")
def box():
    yield DONE
    DONE.append("torn down")


def test_first(box):
    DONE.append("first")
    assert DONE == ["first"]


def test_second(box):
    DONE.append("second")
    assert "torn down" not in DONE


def test_dies():
    DONE.append("dies")
    if "first" in DONE:
        os._exit(3)


def test_hangs():
    if "first" in DONE:
        time.sleep(600)


def test_last():
    assert "dies" not in DONE and "second" not in DONE
"""


def nodeids(*names):
    return tuple(f"tests/test_it.py::test_{name}" for name in names)


@pytest.mark.slow
def test_each_test_runs_behind_the_common_ones_alone(project):
    project.file("pytest.ini", "[pytest]\ntestpaths = tests\n")
    project.file("tests/test_it.py", SUITE)
    services = wiring.services(App(str(project.root)))
    limits = services.settings.limits.model_copy(update={"test_timeout": 2.0})
    with workspace(project.root) as place:
        warm = WarmSuite(
            place, environment_of(services), limits, selectors=(), seed=1, workers=1, is_warm=True
        )
        warm.collect()
        first, *others = nodeids("first", "second", "dies", "hangs", "last")
        behind = Apart(here=(first,), first_time=tuple(others), again=(first,))
        observed = warm.run_apart(behind)
        alone = warm.run_apart(Apart(first_time=(first, *others), is_twice=True))
    services.executor.close()
    ended = [Outcome.PASSED, Outcome.PASSED, Outcome.CRASHED, Outcome.TIMEOUT, Outcome.PASSED]
    assert list(observed.first.outcomes.values()) == ended
    assert observed.second.outcomes == {first: Outcome.FAILED}
    others_run, again = observed.runs("arm", behind)
    assert others_run.red == set(nodeids("dies", "hangs"))
    assert others_run.before(others[-1]) == (first,)
    assert again.before(first) == ()  # itself is not among those that may have done it

    assert set(alone.first.outcomes.values()) == {Outcome.PASSED}
    assert alone.second.red(first)
    assert alone.second.passed(*others)
    assert [run.order for run in alone.singles("alone")] == [(nodeid,) for nodeid in (first, *others)]
    assert warm.processes == 2


def test_pairs_that_ran_apart_are_none_of_each_other():
    pairs = OrderedPairs("abcd")
    pairs.add("abcd", apart=1)
    assert pairs.covered == 3
    run = SeenRun(arm="arm", order=("a", "b", "c"), apart=2)
    assert (run.before("b"), run.before("c")) == (("a",), ("a", "b"))

"""What a process of an experiment gets: variables, import path, arguments, limits."""

from __future__ import annotations

import time

import pytest

from triage.lab import runner as module
from triage.lab.budget import BudgetSpent
from triage.lab.environment import Environment
from triage.lab.protocol import Setup
from triage.lab.runner import SetupRunner
from triage.lab.warmth import Warmth
from triage.model.base import World
from triage.model.run import Attempt, Limits, SelectionResult

T = "tests/test_a.py::test_it"


class Scratch:
    """One working copy, always the same."""

    def __init__(self, tree):
        self.folder = tree

    def prepare(self, commit, overlay=None):
        return self.folder

    def tree(self, slot, commit, edits, overlay=None):
        return self.folder


class Record:
    def __init__(self, folder):
        self.folder = folder
        self.said = []

    def run_folder(self, number):
        return self.folder / f"{number:04d}"

    def trouble(self, what):
        self.said.append(what)

    def redact(self, text):
        return text


@pytest.fixture
def selected(tmp_path, monkeypatch):
    """selected(setup, ...): the selection that the runner asks for."""
    seen = []

    def run_selection(selection, **settings):
        seen.append(selection)
        return SelectionResult(selection=selection, command="", folder="", attempts=(), results=())

    monkeypatch.setattr(module, "run_selection", run_selection)

    def run(setup, *, variables=None, environ=None, import_path=(), limits=None):
        world = World(now=None, monotonic=time.monotonic, environ=environ or {})
        environment = Environment(
            executor=None, world=world, variables=variables or {}, python=None,
            pytest_args=("-q",), import_path=import_path,
        )  # fmt: skip
        made = SetupRunner(
            Scratch(tmp_path / "tree"), tmp_path / "short", environment, Record(tmp_path),
            workers=1, warmth=Warmth.none(),
        )  # fmt: skip
        made.run(setup, limits or Limits(), 1)
        return seen[-1]

    return run


def test_each_run_has_a_temporary_folder_and_passive_threads(selected, tmp_path):
    env = selected(Setup(nodeids=(T,))).env
    assert env == {"TMPDIR": str(tmp_path / "short" / "t0"), "OMP_WAIT_POLICY": "PASSIVE"}


def test_what_the_user_set_is_left_alone(selected):
    assert selected(Setup(nodeids=(T,)), environ={"OMP_WAIT_POLICY": "ACTIVE"}).env.keys() == {"TMPDIR"}
    assert selected(Setup(nodeids=(T,)), variables={"TMPDIR": "/x", "OMP_WAIT_POLICY": ""}).env == {}


@pytest.mark.parametrize("import_path", [(), ("src",)])
def test_an_experiment_on_a_variable_decides_it(selected, import_path):
    setup = Setup(nodeids=(T,), env={"TMPDIR": "/elsewhere", "OMP_WAIT_POLICY": None})
    env = selected(setup, import_path=import_path).env
    assert (env["TMPDIR"], env["OMP_WAIT_POLICY"]) == ("/elsewhere", None)


def test_the_copy_comes_before_what_is_installed(selected, tmp_path):
    tree = tmp_path / "tree"
    env = selected(Setup(nodeids=(T,)), import_path=(".", "src")).env
    assert env["PYTHONPATH"] == f"{tree}:{tree / 'src'}"
    env = selected(Setup(nodeids=(T,)), import_path=("src",), environ={"PYTHONPATH": "/own"}).env
    assert env["PYTHONPATH"] == f"{tree / 'src'}:/own"


def test_a_setup_adds_arguments_and_may_have_a_limit_of_its_own(selected):
    selection = selected(Setup(nodeids=(T,), pytest_args=("-x",), test_timeout=2.0))
    assert selection.pytest_args == ("-q", "-x")
    assert selection.limits.test_timeout == 2.0
    assert selected(Setup(nodeids=(T,)), limits=Limits(test_timeout=9.0)).limits.test_timeout == 9.0


def test_each_run_has_a_home_of_its_own_unless_the_settings_name_one(selected, tmp_path):
    """Two experiments at once that write beneath the home folder must not meet there."""
    home = tmp_path / "home"
    home.mkdir()
    given = selected(Setup(nodeids=(T,)), environ={"HOME": str(home)}).env["HOME"]
    assert given not in (None, str(home))
    assert selected(Setup(nodeids=(T,)), environ={}).env.get("HOME") is None
    chosen = selected(Setup(nodeids=(T,)), environ={"HOME": str(home)}, variables={"HOME": "/x"})
    assert "HOME" not in chosen.env


def test_a_process_that_the_budget_ends_gives_no_observation(tmp_path, monkeypatch):
    """What it would have given is not known: that it did not pass says nothing."""

    def run_selection(selection, *, stop, **settings):
        assert stop()
        attempt = Attempt(chunk="", number=1, command="", ended="interrupted", seconds=1.0)
        return SelectionResult(selection=selection, command="", folder="", attempts=(attempt,), results=())

    monkeypatch.setattr(module, "run_selection", run_selection)
    world = World(now=None, monotonic=lambda: 2.0, environ={})
    environment = Environment(
        executor=None, world=world, variables={}, python=None, pytest_args=(), import_path=()
    )
    made = SetupRunner(
        Scratch(tmp_path), tmp_path / "short", environment, Record(tmp_path), workers=1, warmth=Warmth.none()
    )
    with pytest.raises(BudgetSpent):
        made.run(Setup(nodeids=(T,)), Limits(), 1, deadline=1.0)

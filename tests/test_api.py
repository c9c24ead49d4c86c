"""The Python API: the same values as --json, typed, and light until it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import triage
from tests.fixtures.projects import project, ran
from triage.errors import ExitCode

__all__ = ["project", "ran"]  # fixtures


@pytest.fixture
def opened(ran, monkeypatch):
    monkeypatch.chdir(ran.root.parent)
    return triage.open(ran.root)


def test_answers_are_the_documents_of_json(opened, ran):
    assert opened.clusters().model_dump(mode="json") == ran.triage("clusters", "--json").json
    assert opened.results(ran.stamp).model_dump(mode="json") == ran.triage("results", "--json").json
    assert opened.status().model_dump(mode="json") == ran.triage("status", "--json").json
    assert opened.next(1).model_dump(mode="json") == ran.triage("next", "--limit", "1", "--json").json
    assert opened.show("C19").model_dump(mode="json", exclude_none=True)["members"]


def test_nothing_is_printed(opened, capfd):
    assert opened.clusters().clusters[0].id == "C19"
    assert capfd.readouterr() == ("", "")


def test_an_error_is_raised_with_its_slug(opened):
    with pytest.raises(triage.TriageError) as raised:
        opened.show("C999")
    assert (raised.value.slug, raised.value.exit_code) == ("unknown-cluster", ExitCode.USAGE)
    with pytest.raises(triage.TriageError):
        opened.probe("C19", repeats=0)
    with pytest.raises(triage.TriageError):
        opened.show("--help")


@pytest.mark.parametrize(
    ("slip", "named"),
    [
        (lambda opened: opened.show(None), "the subject of show: None"),
        (lambda opened: opened.probe(["C1"]), "the subject of probe: ['C1']"),
        (lambda opened: opened.run(["tests"]), "the subject of run: ['tests']"),
        (lambda opened: opened.probe("C1", probes="order"), "probes is the text 'order'"),
        (lambda opened: opened.probe("C1", factors="env:A=1"), "factors is the text 'env:A=1'"),
        (lambda opened: opened.run(pytest_args="-k x"), "pytest_args is the text '-k x'"),
        (lambda opened: opened.run(env=["A=1"]), "env is ['A=1']"),
        (lambda opened: opened.run(env={"A": None}), "a value in env: None"),
    ],
)
def test_a_slip_of_the_caller_is_told_before_anything_runs(tmp_path, slip, named):
    with pytest.raises(triage.TriageError) as raised:
        slip(triage.open(tmp_path))
    assert raised.value.what.startswith(named)
    assert [*tmp_path.iterdir()] == []


def test_a_run(project, monkeypatch):
    monkeypatch.setenv("TRIAGE_LOOK_BUDGET", "0")
    project.file("test_a.py", "import os\n\ndef test_a():\n    assert os.environ['WORD'] == 'yes'\n")
    project.file("test_b.py", "def test_b():\n    pass\n")
    opened = triage.open(project.root)
    run = opened.run("test_a.py", env={"WORD": "no"}, pytest_args=["-k", "test_a"], ledgers=False)
    assert (run.exit_code, run.counts.failed, run.counts.collected) == (1, 1, 1)
    assert opened.run("test_a.py", env={"WORD": "yes"}, ledgers=False).exit_code == 0


def test_the_package_is_light_and_says_what_it_has():
    code = (
        "import sys, triage; heavy = {'pydantic', 'click', 'git', 'torch', 'pytest', 'jinja2'};"
        "print(sorted(heavy & set(sys.modules)), {'open', 'Project'} <= set(dir(triage)));"
        "triage.open('.'); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.split("\n")[:2] == ["[] True", "False"], done.stderr
    with pytest.raises(AttributeError):
        triage.no_such_name  # noqa: B018

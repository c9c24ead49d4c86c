"""Phase B's evidence reaches the clusters: real suites, real probes, the real command line."""

from __future__ import annotations

import shlex
import shutil

import pytest

pytestmark = pytest.mark.slow

SETTINGS = """
[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["."]
[tool.triage.env]
APP_MODE = "fast"
"""
APP = """
import os

def mode():
    return os.environ.get("APP_MODE", "safe")

def check(ok):
    if not ok:
        raise ValueError("the state is not valid")

def save():
    if mode() == "fast":
        raise OSError("cannot save in a hurry")
"""
TESTS = """
import app

def test_a_state():
    app.check(app.mode() == "safe")

def test_b_always():
    app.check(False)

def test_c_save():
    app.save()
"""
STATE, ALWAYS, SAVE = (f"tests/test_app.py::test_{name}" for name in ("a_state", "b_always", "c_save"))

FEWEST = ("--repeats", "3")
"""The fewest runs of each arm that prove anything: 3 of 3 against 0 of 3 is p = 0.05."""
PARSER = "def load():\n    return {'k': 1}\n\ndef text():\n    return 'k=1'\n"
BROKEN_PARSER = PARSER.replace("'k': 1", "'q': 1").replace("k=1", "k:1")
PARSER_TESTS = """
import app

def test_load():
    assert app.load()['k'] == 1

def test_text():
    assert app.text().index('=') == 1
"""


def grown(project, app=APP, tests=TESTS, settings=SETTINGS):
    (project.root / "pytest.ini").unlink(missing_ok=True)
    return (
        project.file("pyproject.toml", settings).file("app.py", app).file("tests/test_app.py", tests).commit()
    )


def clusters(project):
    return {found["id"]: found for found in project.triage("clusters", "--json").json["clusters"]}


def proposals(project, cluster):
    return [why for why in project.triage("explain", cluster, "--json").json["why"] if why["proposal"]]


def confirm(project, proposal):
    return project.triage(*shlex.split(proposal["confirm"])[1:])


@pytest.fixture(scope="module")
def probed(tmp_path_factory, make_project):
    """Run, C1 probed, its proposed split confirmed, C2 probed; with what was proposed on the way."""
    project = grown(make_project(tmp_path_factory.mktemp("probed")))
    assert project.triage("init").code == 0
    assert project.triage("run").code == 1
    project.first = clusters(project)
    assert project.triage("probe", "C1", "--probe", "environment", *FEWEST).code == 0
    project.split = proposals(project, "C1")
    assert confirm(project, project.split[0]).code == 0
    assert proposals(project, "C1") == proposals(project, "C3") == [], "a decision answers the proposal"
    assert project.triage("probe", "C2", "--probe", "environment", *FEWEST).code == 0
    return project


@pytest.fixture
def copied(probed, tmp_path, make_project):
    """The probed project, to be changed."""
    shutil.copytree(probed.root, tmp_path / "project", symlinks=True)
    return make_project(tmp_path)


def test_what_does_not_flip_with_the_others_is_proposed_for_a_split(probed):
    found = {name: cluster["members"] for name, cluster in probed.first.items()}
    assert found == {"C1": [STATE, ALWAYS], "C2": [SAVE]}, "words alone: one raising line, and another"
    (split,) = probed.split
    assert split["kind"] == "experiment"
    assert "with env:APP_MODE=null the others pass and these do not (reports/" in split["detail"]
    assert split["confirm"] == f"triage split C1 {ALWAYS}"


def test_what_flips_together_is_proposed_as_one_until_somebody_decides(copied):
    (merge,) = proposals(copied, "C2")
    assert merge["kind"] == "experiment"
    assert merge["detail"].startswith("both pass with env:APP_MODE=null: 1 of 1 test of C1 tried (reports/")
    assert merge["confirm"] == "triage merge C1 C2"
    assert [why for why in clusters(copied)["C1"]["why"] if why["proposal"]] == [merge]
    said = copied.triage("explain", "C1").out
    assert "proposed because an experiment shows it: both pass with env:APP_MODE=null" in said
    assert "confirm with: triage merge C1 C2" in said
    journal = copied.root / "plans" / "journal.jsonl"
    before = journal.read_bytes()
    assert copied.triage("run").code == 0, "nothing is new"
    assert journal.read_bytes() == before, "the same run says nothing new, and proposes nothing twice"
    assert confirm(copied, merge).code == 0
    assert {name: cluster["members"] for name, cluster in clusters(copied).items()} == {
        "C1": [STATE, SAVE],
        "C3": [ALWAYS],
    }


def test_a_run_joins_new_failures_that_flipped_together(copied):
    """The journal is gone; the evidence says what failed when the factor was tried, by signature."""
    grown(copied, tests=TESTS.replace("app.check(False)", "pass"))
    for name in ("journal.jsonl", "fix_plan.md"):
        (copied.root / "plans" / name).unlink()
    assert copied.triage("run").code == 1
    (cluster,) = clusters(copied).values()
    assert cluster["members"] == [STATE, SAVE]
    (why,) = [why for why in cluster["why"] if why["kind"] == "experiment"]
    assert why["detail"].startswith("all pass with env:APP_MODE=null (reports/")
    assert not why["proposal"]


def test_an_experiment_on_another_failure_of_the_test_is_no_evidence(copied):
    """test_a_state is mended and then fails for another reason: what was tried before is void for it."""
    grown(copied, app=APP.replace('ValueError("the state is not valid")', 'KeyError("state")'))
    assert copied.triage("run").code == 1
    new = next(name for name, found in clusters(copied).items() if found["state_in_run"] == "new")
    assert [why for why in clusters(copied)[new]["why"] if why["kind"] == "experiment"] == []


def committed_parser(project):
    """A history that begins with a parser that works.

    git ignores what triage writes: a clean tree needs no run of the last commit to tell it from the present.
    """
    project.file(".gitignore", "/plans/\n/reports/\n/.triage/\n__pycache__/\n")
    return grown(project, PARSER, PARSER_TESTS, settings=SETTINGS.replace('APP_MODE = "fast"', ""))


def committed(project, name, text):
    """The id of a commit that writes a file."""
    return project.file(name, text).commit().git("rev-parse", "HEAD").strip()


def bisected(project, test):
    """The cause that the probe of commits finds."""
    nodeid = f"tests/test_app.py::{test}"
    said = project.triage("probe", nodeid, "--probe", "commit", *FEWEST, "--json")
    assert said.code == 0, said.err
    return said.json["root_cause"]


def test_one_first_bad_commit_joins_what_it_broke(project):
    """Two tests that one commit broke in two ways, each bisected by name before the first run."""
    committed_parser(project)
    bad = committed(project, "app.py", BROKEN_PARSER)
    committed(project, "README", "later\n")
    assert project.triage("init").code == 0
    for test in ("test_load", "test_text"):
        cause = bisected(project, test)
        assert cause["confidence"] == "proven"
        assert cause["culprits"][0] == bad
    assert project.triage("run").code == 1
    (cluster,) = clusters(project).values()
    assert len(cluster["members"]) == 2
    assert f"broken by {bad}" in [why["detail"] for why in cluster["why"] if why["kind"] == "co-failure"]
    assert f"broken by {bad}" in project.triage("explain", cluster["id"]).out


def test_overlapping_ranges_of_suspects_are_only_proposed(project):
    """One commit could not even be imported, so there are two suspects: two tests share them."""
    committed_parser(project)
    unusable = committed(project, "app.py", BROKEN_PARSER + "import nowhere_at_all\n")
    suspects = [unusable, committed(project, "app.py", BROKEN_PARSER)]
    assert project.triage("init").code == 0
    for test in ("test_load", "test_text"):
        cause = bisected(project, test)
        assert cause["confidence"] == "likely"
        assert set(cause["culprits"]) == set(suspects)
    assert project.triage("run").code == 1
    assert len(clusters(project)) == 2
    proposed = [why["detail"] for name in clusters(project) for why in proposals(project, name)]
    assert any(f"may be {commit}" in detail for commit in suspects for detail in proposed), proposed

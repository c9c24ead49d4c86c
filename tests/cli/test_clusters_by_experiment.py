"""Phase B's evidence reaches the clusters: real suites, real probes, the real command line."""

from __future__ import annotations

import shlex

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


@pytest.fixture
def suite(project):
    (project.root / "pytest.ini").unlink()
    project.file("pyproject.toml", SETTINGS).file("app.py", APP).file("tests/test_app.py", TESTS).commit()
    assert project.triage("init").code == 0
    assert project.triage("run").code == 1
    return project


def clusters(project):
    return {found["id"]: found for found in project.triage("clusters", "--json").json["clusters"]}


def proposals(project, cluster):
    return [why for why in project.triage("explain", cluster, "--json").json["why"] if why["proposal"]]


def test_what_flips_together_is_proposed_as_one_and_what_does_not_for_a_split(suite):
    found = {name: cluster["members"] for name, cluster in clusters(suite).items()}
    assert found == {"C1": [STATE, ALWAYS], "C2": [SAVE]}, "words alone: one raising line, and another"
    assert suite.triage("probe", "C1", "--probe", "environment").code == 0
    (split,) = proposals(suite, "C1")
    assert split["kind"] == "experiment"
    assert "with env:APP_MODE=null the others pass and these do not (reports/" in split["detail"]
    assert split["confirm"] == f"triage split C1 {ALWAYS}"
    assert suite.triage(*shlex.split(split["confirm"])[1:]).code == 0
    assert proposals(suite, "C1") == proposals(suite, "C3") == []

    assert suite.triage("probe", "C2", "--probe", "environment").code == 0
    (merge,) = proposals(suite, "C2")
    assert merge["kind"] == "experiment"
    assert merge["detail"].startswith("both pass with env:APP_MODE=null: 1 of 1 tests of C1 tried (reports/")
    assert merge["confirm"] == "triage merge C1 C2"
    assert [why for why in clusters(suite)["C1"]["why"] if why["proposal"]] == [merge]
    said = suite.triage("explain", "C1").out
    assert "proposed by experiment: both pass with env:APP_MODE=null" in said
    assert "confirm with: triage merge C1 C2" in said

    journal = suite.root / "plans" / "journal.jsonl"
    before = journal.read_bytes()
    assert suite.triage("run").code == 0, "nothing is new"
    assert journal.read_bytes() == before, "the same run says nothing new, and proposes nothing twice"
    assert suite.triage(*shlex.split(merge["confirm"])[1:]).code == 0
    assert {name: cluster["members"] for name, cluster in clusters(suite).items()} == {
        "C1": [STATE, SAVE],
        "C3": [ALWAYS],
    }


def test_a_run_uses_experiments_on_tests_that_no_cluster_had(project):
    """Tests probed by name before the first run: they flipped together, so the run joins them."""
    (project.root / "pytest.ini").unlink()
    project.file("pyproject.toml", SETTINGS).file("app.py", APP).file("tests/test_app.py", TESTS).commit()
    assert project.triage("init").code == 0
    for test in (STATE, SAVE):
        assert project.triage("probe", test, "--probe", "environment").code == 0
    assert project.triage("run").code == 1
    found = clusters(project)
    # test_b_always has the very signature of test_a_state, and nobody experimented on it
    assert sorted(cluster["members"] for cluster in found.values()) == [[STATE, ALWAYS], [SAVE]]
    project.file("tests/test_app.py", TESTS.replace("app.check(False)", "pass")).commit()
    for name in ("journal.jsonl", "fix_plan.md"):
        (project.root / "plans" / name).unlink()
    assert project.triage("run").code == 1
    (cluster,) = clusters(project).values()
    assert cluster["members"] == [STATE, SAVE]
    (why,) = [why for why in cluster["why"] if why["kind"] == "experiment"]
    assert why["detail"].startswith("all pass with env:APP_MODE=null (reports/")
    assert not why["proposal"]


def test_an_experiment_on_another_failure_of_the_test_is_no_evidence(suite):
    """test_a_state is mended and then fails for another reason: what was tried before is void for it."""
    suite.file("tests/test_app.py", TESTS.replace("app.check(False)", "pass")).commit()
    for cluster in ("C1", "C2"):
        assert suite.triage("probe", cluster, "--probe", "environment").code == 0
    suite.file("app.py", APP.replace('ValueError("the state is not valid")', 'KeyError("state")')).commit()
    assert suite.triage("run").code == 1
    (why,) = [why for why in clusters(suite)["C3"]["why"] if why["kind"] in ("experiment", "exception")]
    assert why["kind"] == "exception"
    assert proposals(suite, "C3") == []


def test_one_first_bad_commit_joins_what_it_broke(project):
    """Two tests that one commit broke in two ways, each bisected by name before the first run."""
    (project.root / "pytest.ini").unlink()
    settings = SETTINGS.replace('APP_MODE = "fast"', "")
    whole = "def load():\n    return {'k': 1}\n\ndef text():\n    return 'k=1'\n"
    tests = (
        "import app\n\ndef test_load():\n    assert app.load()['k'] == 1\n\n"
        "def test_text():\n    assert app.text().index('=') == 1\n"
    )
    project.file("pyproject.toml", settings).file("app.py", whole).file("tests/test_app.py", tests).commit()
    project.file("app.py", whole.replace("'k': 1", "'q': 1").replace("k=1", "k:1")).commit()
    bad = project.git("rev-parse", "HEAD").strip()
    project.file("README", "later\n").commit()
    assert project.triage("init").code == 0
    for test in ("load", "text"):
        said = project.triage("probe", f"tests/test_app.py::test_{test}", "--probe", "commit", "--json")
        assert said.json["root_cause"]["culprits"] == [bad], said.err
    assert project.triage("run").code == 1
    (cluster,) = clusters(project).values()
    assert len(cluster["members"]) == 2
    assert f"broken by {bad}" in [why["detail"] for why in cluster["why"] if why["kind"] == "co-failure"]
    assert f"broken by {bad}" in project.triage("explain", cluster["id"]).out

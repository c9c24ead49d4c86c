"""A change with every kind of failure, judged by `triage run --base auto` in a clone without history."""

from __future__ import annotations

import json
import shutil
from textwrap import dedent

import pytest

from tests.fixtures.projects import Project
from triage.base.document import check_base
from triage.documents.sums import check_sums
from triage.process.git import Repository

BASE = {
    ".gitignore": "__pycache__/\nreports/\n.triage/\nplans/\n",
    "pytest.ini": "[pytest]\n",
    "pkg/__init__.py": "def add(a, b):\n    return a + b\n\ndef old():\n    return 1\n",
    "tests/test_a.py": """
        import pytest
        from pkg import add, old

        def test_add():
            assert add(1, 2) == 3

        def test_old():
            assert old() == 2

        @pytest.mark.parametrize("n", range(80))
        def test_fine(n):
            pass
        """,
    "tests/test_before.py": "from pkg import old\n\ndef test_moved():\n    assert old() == 3, 'moved'\n",
    "tests/test_changed.py": "from pkg import old\n\ndef test_changed():\n    assert old() == 1\n",
    "tests/test_needs.py": "import pkg.was_never_there\n\ndef test_needs():\n    pass\n",
    "tests/test_skipped.py": "import pytest\n\npytest.skip('not yet', allow_module_level=True)\n",
    "tests/test_order.py": """
        import pkg

        def test_pollutes():
            pkg.polluted = True

        def test_victim():
            assert not hasattr(pkg, "polluted")
        """,
}
HEAD = {
    "pkg/__init__.py": "def add(a, b):\n    return a - b\n\ndef old():\n    return 1\n",
    "pkg/new.py": "",
    "tests/test_new.py": "def test_new():\n    assert 'feature' == 'done'\n",
    "tests/test_changed.py": "from pkg import old\n\ndef test_changed():\n    assert old() == 5\n",
    "tests/test_skipped.py": "def test_skipped():\n    assert 'now' == 'then'\n",
    "tests/test_needs.py": "import pkg.new\n\ndef test_needs():\n    assert 'needs' == 'new'\n",
}


def write(project, files):
    for name, text in files.items():
        project.file(name, dedent(text).lstrip("\n"))


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A clone of two commits: `main`, and a branch with the change, which is checked out."""
    folder = tmp_path_factory.mktemp("change")
    upstream = Project(folder / "upstream")
    upstream.root.mkdir()
    write(upstream, BASE)
    upstream.commit()
    upstream.git("checkout", "-q", "-b", "change")
    upstream.git("mv", "tests/test_before.py", "tests/test_moved.py")
    write(upstream, HEAD)
    upstream.commit()
    upstream.git("clone", "-q", ".", str(folder / "clone"))
    return Project(folder / "clone")


@pytest.fixture(scope="module")
def judged(clone):
    """What the run said; tests that use it only look."""
    words = ("run", "--base", "auto", "--reruns", "1", "--json")
    said = clone.triage(*words, GITHUB_BASE_REF="main")
    assert said.code == 1, said.err
    return said


@pytest.fixture(scope="module")
def results(clone, judged):
    listed = clone.triage("results", "--json").json["results"]
    return {row["nodeid"]: row for row in listed}


pytestmark = pytest.mark.slow
VERDICTS = {
    "tests/test_a.py::test_add": "broken-by-change",
    "tests/test_a.py::test_old": "red-on-base",
    "tests/test_moved.py::test_moved": "red-on-base",
    "tests/test_changed.py::test_changed": "broken-by-change",
    "tests/test_new.py::test_new": "absent-on-base",
    "tests/test_needs.py::test_needs": "undecided",
    "tests/test_order.py::test_victim": "red-on-base",
    "tests/test_skipped.py::test_skipped": "undecided",
}


@pytest.mark.parametrize(("nodeid", "verdict"), VERDICTS.items())
def test_each_failure_has_its_verdict(results, nodeid, verdict):
    base = results[nodeid]["base"]
    assert base["verdict"] == verdict, base
    assert base["commit"] == results["tests/test_a.py::test_add"]["base"]["commit"]


def test_green_tests_are_not_asked(results):
    assert {nodeid for nodeid, row in results.items() if row["base"]} == set(VERDICTS)


def test_the_figures_are_those_of_three_runs(results):
    add, old = (results[f"tests/test_a.py::{name}"]["base"] for name in ("test_add", "test_old"))
    assert (add["outcome"], add["runs"], add["failed"], add["ref"]) == ("passed", 3, 0, "auto")
    assert (old["outcome"], old["runs"], old["failed"]) == ("failed", 3, 3)


def test_a_test_that_was_edited_is_judged_by_its_old_form(results):
    base = results["tests/test_changed.py::test_changed"]["base"]
    assert base["tests"] == "base"
    assert "the test itself was changed" in base["reason"]


def test_a_test_in_a_renamed_file_has_its_old_name(results):
    base = results["tests/test_moved.py::test_moved"]["base"]
    assert base["nodeid"] == "tests/test_before.py::test_moved"
    assert results["tests/test_a.py::test_old"]["base"]["nodeid"] is None


def test_a_module_that_does_not_import_there_says_why(results):
    assert "does not import on the base" in results["tests/test_needs.py::test_needs"]["base"]["reason"]


def test_a_victim_runs_behind_what_preceded_it(results):
    assert "behind the tests that precede it" in results["tests/test_order.py::test_victim"]["base"]["reason"]


def test_the_gate_counts_what_the_change_broke(judged):
    held = "\n".join(judged.json["held_against"])
    for name in ("test_add", "test_changed", "test_new"):
        assert f"::{name}" in held
    assert "test_old" not in held
    assert "test_victim" not in held
    assert "undecided on the base" in held


def test_clusters_have_the_worst_verdict_of_their_members(clone, judged):
    clusters = clone.triage("clusters", "--json").json["clusters"]
    found = {nodeid: cluster["base"] for cluster in clusters for nodeid in cluster["members"]}
    assert found == VERDICTS


def test_the_record_says_what_its_commit_says_of_itself(clone, judged):
    folder = clone.root / judged.json["folder"]
    record = json.loads((folder / "results.json").read_bytes())
    summary = (folder / "summary.md").read_text()
    assert record["subject"] == clone.git("show", "--no-patch", "--format=%s", record["commit"]).strip()
    assert f"`{record['commit']}` `{record['subject']}`" in summary


def test_evidence_and_documents_hold(clone, judged):
    folder = clone.root / judged.json["folder"]
    document = json.loads((folder / "base" / "base.json").read_text())
    assert {row["nodeid"] for row in document["tests"]} == set(VERDICTS)
    assert '"$BASE"' in (folder / "base" / "commands.txt").read_text()
    assert list(check_sums(folder)) == []
    assert clone.triage("check").code == 0
    summary = (folder / "summary.md").read_text()
    assert "## Against the base" in summary
    assert "merge base with origin/main" in summary


@pytest.mark.parametrize(
    "forgery",
    [
        ("results.json", '"verdict":"broken-by-change"', '"verdict":"red-on-base"'),
        ("results.json", '"outcome":"passed","runs":3,"failed":0', '"outcome":"failed","runs":3,"failed":3'),
        ("clusters.json", '"base": "broken-by-change"', '"base": "red-on-base"'),
        ("base/base.json", '"verdict": "absent-on-base"', '"verdict": "no-such"'),
    ],
)
def test_a_verdict_that_does_not_follow_from_its_runs_is_found(clone, judged, tmp_path, forgery):
    name, old, new = forgery
    folder = tmp_path / "copy"
    shutil.copytree(clone.root / judged.json["folder"], folder)
    assert list(check_base(folder)) == []
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))
    assert list(check_base(folder)) != []


def test_nothing_is_left_and_nothing_was_moved(clone, judged):
    repository = Repository.find(clone.root)
    assert len(repository.worktrees()) == 1
    assert clone.git("status", "--porcelain") == ""
    assert clone.git("branch", "--show-current").strip() == "change"


def test_a_change_that_breaks_nothing_passes_though_a_test_is_red(clone, judged, tmp_path):
    clone.git("clone", "-q", "--branch", "main", str(clone.root.parent / "upstream"), str(tmp_path / "other"))
    other = Project(tmp_path / "other")
    other.git("checkout", "-q", "-b", "harmless")
    other.file("README.md", "words\n").commit()
    said = other.triage("run", "tests/test_a.py", "--base", "auto", "--json", GITHUB_BASE_REF="main")
    assert said.code == 0
    (cluster,) = said.json["clusters"]
    assert (cluster["state_in_run"], cluster["base"]) == ("new", "red-on-base")


def test_the_next_run_uses_the_figures_again(clone, judged):
    said = clone.triage("run", "--base", "origin/main", "--json", "--reruns", "0")
    assert said.code == 1
    row = {each["nodeid"]: each for each in clone.triage("results", "--json").json["results"]}
    assert row["tests/test_a.py::test_old"]["base"]["cached_from"] == judged.json["stamp"]
    assert row["tests/test_a.py::test_old"]["base"]["verdict"] == "red-on-base"


def test_without_time_everything_is_undecided_and_says_so(clone, judged):
    # another argument of pytest: what was found without it does not count
    words = ("tests/test_order.py", "--base", "main", "--base-budget", "0", "--json", "--", "-q")
    said = clone.triage("run", *words)
    assert said.code == 0, "known by now: what is stored counts"
    base = clone.triage("results", "--json").json["results"][-1]["base"]
    assert (base["verdict"], base["runs"], base["outcome"]) == ("undecided", 0, None)
    assert "--base-budget" in base["reason"]

"""Wherever a probed cluster is shown, its cause stands with confidence and claim: one test over all views."""

from __future__ import annotations

import json

import pytest

from triage.documents.html_app.embed import find_data_element, read_data

pytestmark = pytest.mark.slow

PRODUCT = "LIMIT = 1\n\n\ndef raise_limit():\n    global LIMIT\n    LIMIT = 2\n"
TESTS = """\
import product


def test_raises_the_limit():
    product.LIMIT = 2


def test_keeps_the_limit():
    assert product.LIMIT == 1, "somebody changed the limit"
"""
SENTENCE = "fails after tests/test_product.py::test_raises_the_limit"
HEADING = "cause (proven)"
"""What stands before the sentence: the claim, and how sure it is."""


@pytest.fixture(scope="module")
def views(tmp_path_factory, make_project):
    """Every view of a cluster before its probe and behind it, as text."""
    project = make_project(tmp_path_factory.mktemp("cause"))
    project.file("pytest.ini", "[pytest]\npythonpath = .\n").file(".gitignore", "/.triage/\n__pycache__/\n")
    project.file("product.py", PRODUCT).file("tests/test_product.py", TESTS).commit()
    assert project.triage("run").code == 1
    before = _views(project)
    probed = project.triage("probe", "C1", "--probe", "order", "--budget", "600")
    assert probed.code == 0, probed.err
    return before, _views(project)


def _views(project):
    summary = project.root / "step.md"
    summary.write_text("")
    said = project.triage(
        "report", "--github", "--html", "build/report.html", GITHUB_STEP_SUMMARY=str(summary)
    )
    assert said.code == 0, said.err
    commands = {
        name: project.triage(*name.split()).out for name in ("status", "clusters", "show C1", "explain C1")
    }
    programs = {
        f"{name} --json": json.dumps(project.triage(*name.split(), "--json").json)
        for name in ("clusters", "show C1", "explain C1")
    }
    page = (project.root / "build/report.html").read_text()
    documents = {
        "fix plan": (project.root / "plans/fix_plan.md").read_text(),
        "tracker": (project.root / "reports/remediation_tracker.md").read_text(),
        "step summary": summary.read_text(),
        "html": json.dumps(read_data(find_data_element(page))),
    }
    return commands | programs | documents


def test_before_a_probe_every_view_says_how_to_find_the_cause(views):
    before, _ = views
    silent = [name for name, text in before.items() if "triage probe C1" not in text]
    # programs take `next` from `show`; the tracker's column says that the cause is not found yet
    assert set(silent) <= {"clusters --json", "explain C1 --json", "tracker"}, silent
    assert "not found yet" in before["tracker"]
    assert [name for name, text in before.items() if SENTENCE in text or HEADING in text] == []


def test_behind_a_probe_every_view_has_the_cause_with_its_confidence(views):
    _, after = views
    assert [name for name, text in after.items() if "the test passes alone and fails" not in text] == []
    cut = {"status"}  # one line a cluster
    assert {name for name, text in after.items() if SENTENCE not in text} <= cut
    for name, text in after.items():
        if name.endswith("--json"):
            assert '"claim": "cause"' in text, name
            assert '"confidence": "proven"' in text, name
        else:
            assert HEADING in text or "proven cause" in text, name

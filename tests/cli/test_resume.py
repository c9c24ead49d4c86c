"""`--resume` knows what a folder is, and finishes with the result of a command that nobody disturbed."""

from __future__ import annotations

import pytest

REPORT = (
    '<testsuite tests="1"><testcase classname="a" name="t"><failure message="odd"/></testcase></testsuite>'
)
WRITTEN_BEHIND_THE_JOURNAL = (
    "failures.json",
    "clusters.json",
    "gate.json",
    "summary.json",
    "summary.md",
    "manifest.json",
)
STAMP = "20260102T030405Z"


def cut_short(project, stamp):
    """Take away what a command that was killed behind its events would not have written."""
    (folder,) = project.root.glob(f"reports/*/phase_a/{stamp}")
    for name in WRITTEN_BEHIND_THE_JOURNAL:
        (folder / name).unlink()
    journal = project.root / "plans" / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if '"run_recorded"' not in line))


@pytest.fixture
def imported(project):
    project.file("junit.xml", REPORT).file("test_local.py", "def test_local():\n    pass\n")
    project.said = project.triage("import", "junit.xml", "--stamp", STAMP, "--json")
    return project


def test_an_import_that_was_killed_behind_the_journal_is_finished_as_an_import(imported):
    cut_short(imported, STAMP)
    doctor = imported.triage("doctor").out
    assert f"triage import --resume {STAMP}" in doctor
    assert "triage run --resume" not in doctor
    refused = imported.triage("run", "--resume", STAMP)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "not-a-run" in refused.err
    said = imported.triage("import", "--resume", STAMP, "--json")
    assert (said.code, said.json) == (imported.said.code, imported.said.json)
    assert imported.triage("check").code == 0


def test_a_run_that_was_killed_behind_the_journal_still_says_what_is_new(project):
    project.file("test_a.py", "def test_a():\n    assert 0, 'odd'\n")
    said = project.triage("run", "--stamp", STAMP, "--json")
    cut_short(project, STAMP)
    refused = project.triage("import", "--resume", STAMP)
    assert (refused.code, "not-a-run" in refused.err) == (2, True)
    again = project.triage("run", "--resume", STAMP, "--json")
    assert [c["state_in_run"] for c in again.json["clusters"]] == ["new"]
    assert (again.code, again.json["held_against"]) == (said.code, said.json["held_against"])
    assert project.triage("check").code == 0


def test_what_is_no_run_is_not_resumed(imported):
    folder = imported.root / "reports" / "triage" / "phase_b" / "20260102T030409Z"
    folder.mkdir(parents=True)
    said = imported.triage("run", "--resume", folder.name)
    assert (said.code, "it is of phase b" in said.err) == (2, True)
    assert imported.triage("run", "--resume", STAMP).err.count("run-finished") == 1

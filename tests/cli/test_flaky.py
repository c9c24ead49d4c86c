"""Flaky tests at the gate and in the record, with a test that counts its runs outside of the tree."""

from __future__ import annotations

import json
from datetime import date

import pytest

from tests.fixtures.projects import Project
from triage.campaign.flaky_test import FlakyTest
from triage.cli.flaky import line_of
from triage.model.quarantine import Quarantine

SUITE = """
import os, pathlib

def colour():
    "The next of the planned outcomes: one letter a run of the test."
    plan = pathlib.Path({plan!r})
    letters = plan.read_text()
    plan.write_text(letters[1:])
    return letters[:1] or "g"

def test_steady():
    pass

def test_chance():
    assert colour() == "g"
"""
TEST = "test_m.py::test_chance"


class Gate:
    """A project whose test fares in its next runs as planned."""

    def __init__(self, project: Project, plan) -> None:
        self.project, self.plan = project, plan
        project.file("test_m.py", SUITE.format(plan=str(plan)))
        project.file("pyproject.toml", "[tool.triage]\n")
        self.day = 0

    def run(self, letters: str, *words: str):
        """One gate run in which the test's executions are `letters`: g and r."""
        self.day += 1
        self.plan.write_text(letters)
        stamp = f"202601{self.day:02}T000000Z"
        result = self.project.triage("run", "--stamp", stamp, "--json", *words)
        assert self.plan.read_text() == "", "every planned run was made, and no other"
        return result.code, result.json

    def state(self, letters: str, *words: str) -> tuple[int, str]:
        code, document = self.run(letters, *words)
        (cluster,) = document["clusters"]
        return code, cluster["state_in_run"]


@pytest.fixture
def gate(tmp_path) -> Gate:
    (tmp_path / "suite").mkdir()
    return Gate(Project(tmp_path / "suite"), tmp_path / "plan")


@pytest.mark.slow
def test_one_flaky_test_over_many_runs_of_one_commit(gate):
    """First red, alone, in place: chance is seen. Later reds are chance while the record lets them be."""
    assert gate.run("g")[0] == 0
    code, document = gate.run("rgg")
    assert (code, document["counts"]["flaky"], document["counts"]["failed"]) == (0, 1, 0)
    assert document["clusters"][0]["state_in_run"] == "flaky"
    assert document["warnings"] == ["C1 flaky: assert 'r' == 'g'"]
    assert gate.state("g") == (0, "flaky"), "one pass is luck"
    assert gate.state("rg" + "g", "--flaky", "fail") == (1, "flaky")
    # on record: more runs alone than the setting asks for, before it counts as steady
    assert gate.state("rrrg") == (0, "flaky")
    assert gate.state("r", "--reruns", "0") == (0, "flaky")
    # its rate is at most 68 %: 18 times in a row is no chance, whatever it was, now it is broken
    assert gate.state("r" * 18) == (1, "regressed")

    (result,) = [r for r in gate.project.triage("results", "--json").json["results"] if r["nodeid"] == TEST]
    assert result["reruns"]["runs"] == result["reruns"]["failed"] == 17
    assert gate.project.triage("check").code == 0

    rate = gate.project.triage("flaky", "--json").json["tests"][0]
    assert (rate["nodeid"], rate["runs"], rate["failed"]) == (TEST, 31, 24)
    assert rate["low"] < rate["rate"] < rate["high"]
    assert (rate["flaky_runs"], rate["clusters"]) == (3, ["C1"])
    assert rate["first_seen"] == "20260102T000000Z"
    summary = gate.project.triage("report", "20260105T000000Z").out
    assert summary.startswith("# Run 20260105T000000Z is complete: only flaky failures")
    assert "## Flaky tests" in summary
    assert "flaky in call, 2 of 3 reruns red" in summary
    gate.project.triage("report", "--html", "r.html")
    assert '<h2 id="flaky">Flaky tests</h2>' in (gate.project.root / "r.html").read_text()
    shown = gate.project.triage("history", TEST)
    assert "24 of 31 executions red: 77% (95 % interval" in shown.out


def test_the_journal_alone_knows_it_too(gate):
    """A clone of continuous integration has no history."""
    assert gate.run("rgg")[0] == 0
    (gate.project.root / ".triage" / "history.sqlite").unlink()
    assert gate.state("r", "--reruns", "0", "--gate", "strict") == (0, "flaky")
    journal = (gate.project.root / "plans" / "journal.jsonl").read_text().splitlines()
    events = [json.loads(line)["event"] for line in journal]
    assert events.count("flaky_seen") == 1, "the first time, not every time"


@pytest.mark.slow
def test_a_pass_without_a_change_is_no_repair(gate):
    """Three runs of one commit: new, and then not at once fixed."""
    gate.project.file(".gitignore", "__pycache__\n.pytest_cache\n.triage\n").commit()
    assert gate.state("rrr") == (1, "new")
    assert gate.state("g") == (0, "flaky")
    gate.project.file("mended.py", "").commit()
    assert gate.state("g") == (0, "fixed"), "of another commit nobody knows"


@pytest.mark.parametrize(
    ("today", "said"), [(9, "in quarantine until 2026-01-10"), (11, "quarantine ended 2026-01-10")]
)
def test_a_quarantine_that_has_ended_is_said_to_have(today, said):
    quarantine = Quarantine(
        nodeid=TEST, until=date(2026, 1, 10), owner="ada", reason="mail", by="ada", at="2026-01-01T00:00:00Z"
    )
    figures = FlakyTest(
        nodeid=TEST, runs=4, failed=2, rate=0.5, low=0.1, high=0.9, suite_runs=4, flaky_runs=0,
        mixed_commits=1, flips=2, flips_per_100_runs=50.0, first_seen="20260101T000000Z",
        last_failed="20260101T000000Z", signatures=(), quarantine=quarantine,
    )  # fmt: skip
    assert said in line_of(figures, date(2026, 1, today))

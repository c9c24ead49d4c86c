"""Somebody vouches for a failure until a day: shown everywhere, and red again from the day after."""

from __future__ import annotations

import json

import pytest

from tests.fixtures.projects import SUITE, Project

UNTIL = ("--until", "2026-12-15", "--reason", "the mail server drops connections")
BY_BOB = f"2026-12-15 (bob): {UNTIL[-1]}"
BEFORE, LAST, AFTER = "2026-12-01T12:00:00Z", "2026-12-15T23:59:00Z", "2026-12-16T00:00:00Z"


@pytest.fixture
def project(tmp_path) -> Project:
    project = Project(tmp_path).file("test_a.py", SUITE).file("pyproject.toml", "[tool.triage]\n")
    project.file(".github/CODEOWNERS", "*.py @mail-team ada@example.org\n")
    return project


@pytest.mark.slow
def test_the_whole_life_of_a_quarantine(project, monkeypatch):
    def triage(*words: str, now: str = LAST):
        monkeypatch.setenv("TRIAGE_NOW", now)
        return project.triage(*words)

    run = ("run", "--gate", "strict", "--json", "--reruns", "0")
    assert triage(*run, "--stamp", "20261201T000000Z", now=BEFORE).code == 1

    made = triage("quarantine", "C1", *UNTIL, "--json", now=BEFORE).json
    assert (made["cluster"], made["until"]) == ("C1", "2026-12-15")
    assert made["owner"] == "@mail-team ada@example.org", "as CODEOWNERS says"
    # a test of the other cluster, with all of its parameters
    nodeid = "test_a.py::test_same_reason"
    triage("quarantine", nodeid, *UNTIL, "--owner", "bob", now=BEFORE)
    listed = triage("quarantine", "--json", now=LAST).json["quarantines"]
    assert [(each["subject"], each["holds"]) for each in listed] == [("C1", True), (nodeid, True)]

    last = triage(*run, "--stamp", "20261215T000000Z", now=LAST)
    assert (last.code, last.json["held_against"]) == (0, [])
    assert len(last.json["warnings"]) == 2
    rows = {row["nodeid"]: row for row in triage("results", "--json").json["results"]}
    assert rows["test_a.py::test_same_reason[1]"]["quarantine"]["owner"] == "bob"
    assert rows["test_a.py::test_passes"]["quarantine"] is None
    assert "test_a.py::test_same_reason[1]  (in quarantine until 2026-12-15)" in triage("results").out
    clusters = triage("clusters", "--json").json["clusters"]
    assert [cluster["quarantine"]["until"] for cluster in clusters] == ["2026-12-15"] * 2
    assert "C1 in quarantine until 2026-12-15" in triage("status", now=LAST).out
    assert "in quarantine until 2026-12-15" in triage("next", now=LAST).out
    summary = next(project.root.glob("reports/*/phase_a/20261215T000000Z/summary.md")).read_text()
    assert "in quarantine until 2026-12-15 (bob): the mail server drops connections" in summary
    assert "the mail server" in (project.root / "plans" / "fix_plan.md").read_text()
    assert triage("report", "--html", "r.html").code == 0
    assert "In quarantine until 2026-12-15" in (project.root / "r.html").read_text()
    annotations = triage("report", "--github").out
    assert "::warning" in annotations
    assert "::error" not in annotations
    _is_named(project, triage, annotations, f"in quarantine until {BY_BOB}", expired=False)
    assert triage("check").code == 0

    # known by reason, it would pass: but the day is over
    after = triage("run", "--reruns", "0", "--json", "--stamp", "20261216T000000Z", now=AFTER)
    assert after.code == 1
    assert [line.split(":")[0] for line in after.json["held_against"]] == [
        "C1 out of quarantine since 2026-12-15", "C2 out of quarantine since 2026-12-15",
    ]  # fmt: skip
    annotations = triage("report", "--github").out
    assert "::error" in annotations
    assert "::warning" not in annotations, "what is out of quarantine fails the gate"
    _is_named(project, triage, annotations, f"out of quarantine since {BY_BOB}", expired=True)
    assert "out of quarantine since 2026-12-15" in triage("results", now=AFTER).out
    assert "out of quarantine since 2026-12-15" in triage("next", now=AFTER).out
    assert triage("quarantine", "C1", "--lift", now=AFTER).code == 0
    assert triage("quarantine", nodeid, "--lift", now=AFTER).code == 0
    assert triage("run", "--reruns", "0", "--stamp", "20261216T000001Z", now=AFTER).code == 0


def _is_named(project, triage, annotations, said, *, expired):
    """Every format names the quarantine with its day, owner and reason, and whether it is over."""
    nodeid = "test_a.py::test_same_reason[1]"
    names = ("junit", "sarif", "ctrf", "gitlab")
    options = [word for name in names for word in (f"--{name}", f"r.{name}") if word != "r.gitlab"]
    said_gitlab = triage("report", *options)
    assert said_gitlab.code == 0, said_gitlab.err
    texts = {name: (project.root / f"r.{name}").read_text() for name in names[:3]}
    assert said in annotations
    assert f'name="triage.quarantine {nodeid}" value="{said}"' in texts["junit"]
    (run,) = json.loads(texts["sarif"])["runs"]
    result = next(each for each in run["results"] if nodeid in each["message"]["text"])
    assert result["message"]["text"].startswith(said)
    assert result["properties"]["quarantine"]["expired"] is expired
    assert result["level"] == ("error" if expired else "warning")
    tests = {test["name"]: test for test in json.loads(texts["ctrf"])["results"]["tests"]}
    assert tests[nodeid]["tags"] == ["out-of-quarantine" if expired else "quarantined"]
    assert tests[nodeid]["extra"]["quarantine"]["owner"] == "bob"
    assert any(finding["description"].startswith(said) for finding in json.loads(said_gitlab.out))


@pytest.mark.parametrize(
    ("words", "slug"),
    [
        (("C9", *UNTIL), "unknown-cluster"),
        (("t.py::a", "--reason", "why"), "bad-quarantine"),
        (("t.py::a", "--until", "2000-01-01", "--reason", "why", "--owner", "x"), "bad-quarantine"),
        (("t.py::a", "--until", "2999-01-01", "--reason", "why", "--owner", "x"), "bad-quarantine"),
        (("README.md", "--until", "2999-01-01", "--reason", "why"), "no-owner"),
        (("t.py::a", "--lift"), "bad-quarantine"),
    ],
)
def test_what_makes_no_sense_is_refused(project, words, slug):
    result = project.triage("quarantine", *words)
    assert result.code == 2
    assert f"[{slug}]" in result.err
    assert not (project.root / "plans" / "journal.jsonl").exists()

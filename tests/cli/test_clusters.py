"""Import, look, explain, decide: through the real command line, in a small project."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from triage.cli.json_documents.clusters import ClusterRow, ToldKind
from triage.model.cluster import Cluster, Why, WhyKind

pytestmark = pytest.mark.slow

CASE = (
    '<testcase classname="tests.test_{file}" name="test_{name}">'
    '<failure message="{message}">{text}</failure></testcase>'
)
TRACE = """    def test():
&gt;       run()

tests/test_{file}.py:3:
_ _ _ _

    def write():
&gt;       raise OSError(message)
E       {message}

src/disk.py:9: OSError"""


def case(file: str, name: str, message: str) -> str:
    return CASE.format(file=file, name=name, message=message, text=TRACE.format(file=file, message=message))


def report(*cases: str) -> str:
    fine = "<testcase classname='tests.test_ok' name='test_ok'/>"
    return f"<testsuite name='pytest'>{''.join(cases)}{fine}</testsuite>"


TOLD = set(get_args(ToldKind))
FULL = "OSError: no space left on device"
DENIED = "OSError: permission denied: 17"
FIRST = report(case("a", "one", FULL), case("b", "two", FULL), case("c", "three", DENIED))


@pytest.fixture
def imported(project):
    project.file("pytest.ini", "[pytest]\n").file("report.xml", FIRST)
    said = project.triage("import", "report.xml", "--stamp", "20261124T060000Z", "--json")
    assert said.code == 1, said.err
    return project


def test_import_is_a_run_like_any_other(imported):
    said = imported.triage("results", "--json").json
    assert said["stamp"] == "20261124T060000Z"
    assert said["counts"]["failed"] == 3
    assert said["counts"]["passed"] == 1
    assert {row["failures"][0]["cluster"] for row in said["results"] if row["failures"]} == {"C1", "C2"}
    again = imported.triage("import", "report.xml", "--stamp", "20261124T070000Z")
    assert again.code == 0, "nothing is new"
    assert imported.triage("check").code == 0


def test_clusters_as_documented(imported):
    document = imported.triage("clusters", "--json").json
    assert document["stamp"] == "20261124T060000Z"
    first = document["clusters"][0]
    assert first["id"] == "C1"
    assert first["state_in_run"] == "new"
    assert first["status"] == "open"
    assert first["members"] == ["tests/test_a.py::test_one", "tests/test_b.py::test_two"]
    assert first["first_seen"] == first["last_seen"] == "20261124T060000Z"
    assert {"kind": "frame", "detail": "src/disk.py:write"} in [
        {key: why[key] for key in ("kind", "detail")} for why in first["why"]
    ]
    assert {why["kind"] for why in first["why"]} <= TOLD
    assert all(signature.startswith("reason/") for signature in first["signatures"])


def test_programs_are_told_of_the_documented_kinds_of_evidence_alone():
    known = Cluster(id="C1", title="x", why=tuple(Why(kind=kind, detail="d") for kind in get_args(WhyKind)))
    row = ClusterRow.of_cluster(known, None)
    assert {why.kind for why in row.why} == TOLD


def test_explain_says_why_and_why_not(imported):
    said = imported.triage("explain", "C1", "tests/test_c.py::test_three", "--json").json
    assert said["verdict"]["member"] is False
    assert said["verdict"]["cluster"] == "C2"
    assert {difference["field"] for difference in said["verdict"]["differences"]} == {"message"}
    assert said["verdict"]["confirm"] == "triage merge C1 C2"
    assert (
        imported.triage("explain", "C1", "tests/test_a.py::test_one", "--json").json["verdict"]["member"]
        is True
    )
    assert imported.triage("explain", "C1", "tests/test_ok.py::test_ok").code == 2


def test_decisions_hold_in_the_next_run_and_in_the_ledgers(imported):
    assert imported.triage("merge", "C1", "C2", "--reason", "one disk").code == 0
    assert imported.triage("assign", "C2", "--owner", "ada").code == 0
    assert imported.triage("rename", "C1", "The disk is full").code == 0
    imported.triage("import", "report.xml", "--stamp", "20261124T070000Z")
    (cluster,) = imported.triage("clusters", "--json").json["clusters"]
    assert (cluster["id"], cluster["owner"], cluster["title"]) == ("C1", "ada", "The disk is full")
    assert cluster["aliases"] == ["C2"]
    assert len(cluster["members"]) == 3
    assert cluster["state_in_run"] == "known"
    assert "The disk is full" in (imported.root / "plans" / "fix_plan.md").read_text()
    said = imported.triage("split", "C1", "tests/test_b.py::test_two", "--title", "another disk", "--json")
    assert said.json["new"] == "C3"
    imported.triage("import", "report.xml", "--stamp", "20261124T080000Z")
    found = {c["id"]: c["members"] for c in imported.triage("clusters", "--json").json["clusters"]}
    assert found["C3"] == ["tests/test_b.py::test_two"]
    assert len(found["C1"]) == 2


def test_a_preview_of_rules_moves_nothing(imported):
    imported.file(
        "rules.toml",
        "[[rule]]\nname = 'disk'\nexception = 'OSError'\nexamples = [{exception = 'OSError'}]\n",
    )
    said = imported.triage("clusters", "--rules", "rules.toml", "--json").json
    assert {(move["origin"], move["target"]) for move in said["moves"]} == {("C1", "C3"), ("C2", "C3")}
    assert len(imported.triage("clusters", "--json").json["clusters"]) == 2


def test_a_trial_import_leaves_no_trace_outside_of_its_folder(project):
    project.file("pytest.ini", "[pytest]\n").file("report.xml", FIRST)
    said = project.triage("import", "report.xml", "--no-ledgers", "--json")
    assert [cluster["id"] for cluster in json.loads(said.out)["clusters"]] == ["C1", "C2"]
    assert not (project.root / "plans" / "journal.jsonl").exists()

"""Phase D: a cluster is resolved by its criteria in their scopes, and by nothing else."""

from __future__ import annotations

import json
import subprocess

import pytest

from triage.documents.claims import check_document

pytestmark = pytest.mark.slow


@pytest.fixture
def designed(project, triage, options):
    """The project with a design for its cluster; nothing applied."""
    code, values = triage("design", "C2", "--option", str(options["fixture"]))
    assert code == 0
    return values


def _apply(root, path):
    subprocess.run(["git", "apply", str(path)], cwd=root, check=True)


def _events(root):
    return [json.loads(line) for line in (root / "plans/journal.jsonl").read_text().splitlines()]


def test_met_criteria_resolve_and_archive(project, triage, options, designed):
    _apply(project, options["fixture"])
    code, values = triage("verify", "C2")
    assert code == 0
    assert values["resolved"]
    assert [(r["name"], r["met"], r["runs"], r["passed"]) for r in values["results"]] == [
        ("targeted", True, 4, 4), ("chunk", True, 1, 1), ("docstring", True, 0, 0), ("ledgers", True, 0, 0),
    ]  # fmt: skip
    assert values["results"][0]["allowed_rate"] == pytest.approx(0.527, abs=1e-3)
    assert check_document(project, project / values["folder"] / "verify.md")[0] == []
    kinds = [event["event"] for event in _events(project)[-6:]]
    assert kinds == ["attempt_recorded", *["criterion_met"] * 4, "status_changed"]
    assert "resolved" in (project / "reports/remediation_tracker.md").read_text()
    assert not (project / "plans/active/sums.md").exists()
    (archived,) = project.glob("plans/archive/sums-*.md")
    assert "[x] targeted" in archived.read_text()
    assert triage("check")[1]["problems"] == []


def test_a_claim_of_repair_is_not_a_repair(project, triage, designed):
    code, values = triage("verify", "C2")
    assert code == 1
    assert values["unmet"] == ["targeted", "chunk", "docstring"]
    assert "ended as failed" in values["results"][0]["said"]
    assert not any(e["event"] == "status_changed" and e["status"] == "resolved" for e in _events(project))
    assert (project / "plans/active/sums.md").exists()
    assert triage("check")[1]["problems"] == []


def test_each_criterion_alone_keeps_the_cluster_open(project, triage, options, designed, patch):
    _apply(project, options["silent"])
    assert triage("verify", "C2")[1]["unmet"] == ["docstring"]
    _apply(
        project,
        patch(project, "note", "tests/test_calc.py", "two numbers.", "two numbers. Note: scale matters."),
    )
    product = project / "calc.py"
    text = product.read_text()
    product.write_text(text.replace("return len(values)", "return len(values) + 1"))
    assert triage("verify", "C2")[1]["unmet"] == ["chunk"]
    product.write_text(text)
    ledger = project / "plans/fix_plan.md"
    ours = ledger.read_text().replace("| C2 |", "| C2 (mine) |")
    ledger.write_text(ours)
    code, values = triage("verify", "C2")
    assert (code, values["unmet"]) == (1, ["ledgers"])
    assert "changed by hand" in values["results"][-1]["said"]
    assert ledger.read_text() == ours


def test_a_resolved_cluster_that_fails_its_criteria_opens_again(project, triage, options, designed):
    _apply(project, options["fixture"])
    assert triage("verify", "C2")[0] == 0
    subprocess.run(["git", "apply", "-R", str(options["fixture"])], cwd=project, check=True)
    assert triage("verify", "C2")[0] == 1
    last = _events(project)[-1]
    assert (last["event"], last["status"]) == ("status_changed", "open")


def test_criteria_that_were_changed_afterwards_close_nothing(project, triage, designed):
    path = project / designed["folder"] / "design.json"
    path.write_text(path.read_text().replace('"runs": 4', '"runs": 0'))
    code, said = triage("verify", "C2")
    assert code == 3
    assert "[bad-evidence]" in said["error"]


def test_a_campaign_verifies_all_of_its_clusters(project, triage, options, designed):
    _apply(project, options["fixture"])
    code, values = triage("verify", "sums")
    assert code == 0
    assert values["cluster"] == "C2"
    code, said = triage("verify", "sums")
    assert code == 2
    assert "[nothing-to-do]" in said["error"]

"""Phase D: a cluster is resolved by its criteria in their scopes, and by nothing else."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.fixtures.probed_project import write_options
from tests.fixtures.projects import Project
from triage.documents.claims import check_document

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def designed_project(pristine_project, tmp_path_factory):
    """The project with a design for its cluster, made once; nothing applied."""
    folder = tmp_path_factory.mktemp("designed")
    designed = Project(shutil.copytree(pristine_project, folder / "project", symlinks=True))
    option = write_options(folder, designed.root)["fixture"]
    said = designed.triage("design", "C2", "--option", str(option), "--json")
    assert said.code == 0, said.err
    return designed


@pytest.fixture(scope="module")
def resolved_project(designed_project, tmp_path_factory):
    """The repair applied and the whole campaign verified, once; tests that use it only look."""
    folder = tmp_path_factory.mktemp("resolved")
    resolved = _copied(designed_project, folder)
    resolved.repair = write_options(folder, resolved.root)["fixture"]
    _apply(resolved, resolved.repair)
    resolved.said = resolved.triage("verify", "sums", "--json")
    return resolved


@pytest.fixture
def designed(designed_project, tmp_path):
    """The designed project, to be changed."""
    return _copied(designed_project, tmp_path)


@pytest.fixture
def options(designed, tmp_path):
    """Repairs of every kind, for the designed project."""
    return write_options(tmp_path, designed.root)


def _copied(project, folder):
    return Project(shutil.copytree(project.root, folder / "project", symlinks=True))


def _apply(project, path):
    project.git("apply", str(path))


def _verify(project, name="C2"):
    said = project.triage("verify", name, "--json")
    return said.code, said.json


def _events(project):
    return [json.loads(line) for line in (project.root / "plans/journal.jsonl").read_text().splitlines()]


def _problems(project):
    return project.triage("check", "--json").json["problems"]


def test_met_criteria_resolve_and_archive(resolved_project):
    root, said = resolved_project.root, resolved_project.said
    assert said.code == 0, said.err
    values = said.json
    assert values["resolved"]
    assert [(r["name"], r["met"], r["runs"], r["passed"]) for r in values["results"]] == [
        ("targeted", True, 4, 4), ("chunk", True, 1, 1), ("docstring", True, 0, 0), ("ledgers", True, 0, 0),
    ]  # fmt: skip
    assert values["results"][0]["allowed_rate"] == pytest.approx(0.527, abs=1e-3)
    assert check_document(root, root / values["folder"] / "verify.md")[0] == []
    kinds = [event["event"] for event in _events(resolved_project)[-6:]]
    assert kinds == ["attempt_recorded", *["criterion_met"] * 4, "status_changed"]
    assert "resolved" in (root / "reports/remediation_tracker.md").read_text()
    assert not (root / "plans/active/sums.md").exists()
    (archived,) = root.glob("plans/archive/sums-*.md")
    assert "[x] targeted" in archived.read_text()
    assert _problems(resolved_project) == []


def test_a_campaign_verifies_all_of_its_clusters(resolved_project):
    assert resolved_project.said.json["cluster"] == "C2", "verified by the name of the campaign"
    again = resolved_project.triage("verify", "sums", "--json")
    assert again.code == 2
    assert "[nothing-to-do]" in again.err


def test_a_resolved_cluster_that_fails_its_criteria_opens_again(resolved_project, tmp_path):
    copied = _copied(resolved_project, tmp_path)
    copied.git("apply", "-R", str(resolved_project.repair))
    assert _verify(copied)[0] == 1
    last = _events(copied)[-1]
    assert (last["event"], last["status"]) == ("status_changed", "open")


def test_a_claim_of_repair_is_not_a_repair(designed):
    code, values = _verify(designed)
    assert code == 1
    assert values["unmet"] == ["targeted", "chunk", "docstring"]
    assert "ended as failed" in values["results"][0]["said"]
    changed = [event for event in _events(designed) if event["event"] == "status_changed"]
    assert "resolved" not in [event["status"] for event in changed]
    assert (designed.root / "plans/active/sums.md").exists()
    assert _problems(designed) == []


def test_each_criterion_alone_keeps_the_cluster_open(designed, options, patch):
    _apply(designed, options["silent"])
    assert _verify(designed)[1]["unmet"] == ["docstring"]
    noted = ("two numbers.", "two numbers. Note: scale matters.")
    _apply(designed, patch(designed.root, "note", "tests/test_calc.py", *noted))
    product = designed.root / "calc.py"
    text = product.read_text()
    product.write_text(text.replace("return len(values)", "return len(values) + 1"))
    assert _verify(designed)[1]["unmet"] == ["chunk"]
    product.write_text(text)
    ledger = designed.root / "plans/fix_plan.md"
    ours = ledger.read_text().replace("| C2 |", "| C2 (mine) |")
    ledger.write_text(ours)
    code, values = _verify(designed)
    assert (code, values["unmet"]) == (1, ["ledgers"])
    assert "changed by hand" in values["results"][-1]["said"]
    assert ledger.read_text() == ours


def test_criteria_that_were_changed_afterwards_close_nothing(designed):
    (path,) = designed.root.glob("reports/sums/phase_c/*/design.json")
    path.write_text(path.read_text().replace('"runs": 4', '"runs": 0'))
    said = designed.triage("verify", "C2")
    assert said.code == 3
    assert "[bad-evidence]" in said.err

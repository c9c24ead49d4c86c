"""Phase C: options are applied and run; what only looks like a repair is rejected, with the reason."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from triage.documents.claims import check_document
from triage.process.git import Repository

pytestmark = pytest.mark.slow


def _option(values: dict, letter: str) -> dict:
    return next(option for option in values["options"] if option["letter"] == letter)


def test_every_kind_of_option_gets_its_verdict(project, triage, options):
    names = ["product", "skip", "xfail", "gutted", "useless", "fixture"]
    words = [word for name in names for word in ("--option", str(options[name]))]
    before = Repository.find(project).changes()
    code, values = triage("design", "C2", *words, "--sabotage", str(options["sabotage"]))
    assert code == 0
    said = dict(zip(names, values["options"], strict=True))
    assert values["recommended"] == said["fixture"]["letter"] == "F"
    assert "chunk shows new failures" in said["product"]["against"][0]
    assert said["product"]["chunk"]["new_failures"] == ["tests/test_calc.py::test_default"]
    assert "does not pass" in said["skip"]["against"][0]
    assert any("skips or expects" in text for text in said["skip"]["against"])
    assert any("skips or expects" in text for text in said["xfail"]["against"])
    assert any("removes assertions" in text for text in said["gutted"]["against"])
    assert any("does not notice" in text for text in said["gutted"]["against"])
    assert said["useless"]["passed"] == 0
    assert said["fixture"]["breaks"][0]["name"] == "wrong:calc.total"
    mutant = "calc.py:5: return sum(values) * scale -> return sum(values) + scale"
    assert said["fixture"]["breaks"][1:] == [
        {"name": mutant, "calls": 1, "outcome": "failed", "caught": True, "required": True},
        {"name": "zeroed", "calls": None, "outcome": "failed", "caught": True, "required": True},
    ]
    assert mutant in {broken["name"] for broken in said["gutted"]["breaks"] if not broken["caught"]}
    assert said["fixture"]["title"] == "fixture"
    after = [
        name for name in Repository.find(project).changes() if not name.startswith(("reports/", "plans/"))
    ]
    assert after == [name for name in before if not name.startswith(("reports/", "plans/"))]


def test_the_document_holds_and_has_every_part(project, triage, options):
    code, values = triage("design", "C2", "--option", str(options["fixture"]))
    assert code == 0
    path = project / values["folder"] / "design.md"
    assert check_document(project, path)[0] == []
    text = path.read_text()
    for heading in (
        "Executive summary", "Root cause", "Options", "Verification", "Acceptance criteria", "Touchpoints",
        "Tasks of phase D", "Risks", "References", "Approval list",
    ):  # fmt: skip
        assert f"## {heading}" in text
    assert (project / values["options"][0]["patch_file"]).read_text() == options["fixture"].read_text()
    names = [criterion["name"] for criterion in values["criteria"]]
    assert names == ["targeted", "chunk", "docstring", "ledgers"]
    targeted = values["criteria"][0]
    assert (targeted["scope"], targeted["runs"]) == ("alone", 4)
    assert targeted["allowed_rate"] == pytest.approx(1 - 0.05**0.25)
    assert values["criteria"][1]["tolerated"] == ["tests/test_calc.py::test_red_for_another_reason"]
    assert "scale" in values["criteria"][2]["mentions"]
    assert "C2.20" in (project / "plans/active/sums.md").read_text()
    assert "designed" in (project / "plans/fix_plan.md").read_text()
    assert triage("check")[1]["problems"] == []


def test_its_commands_are_taken_back_by_a_shell(project, triage, options):
    _, values = triage("design", "C2", "--option", str(options["fixture"]))
    assert subprocess.run(values["commands"]["apply"], shell=True, cwd=project, check=False).returncode == 0
    done = subprocess.run(
        values["commands"]["targeted"],
        shell=True,
        cwd=project,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_product_repairs_must_answer_in_the_whole_suite(project, triage, patch):
    path = patch(project, "both", "calc.py", "scale=0.0", "scale=1.0")
    more = patch(project, "tests", "tests/test_calc.py", "total([5]) == 0", "total([5]) == 5")
    path.write_text(path.read_text() + more.read_text())
    code, values = triage("design", "C2", "--option", str(path))
    assert code == 0
    assert [criterion["name"] for criterion in values["criteria"]] == [
        "targeted",
        "chunk",
        "suite",
        "ledgers",
    ]
    assert {file["kind"] for file in values["options"][0]["files"]} == {"product", "test"}


def test_no_eligible_option_is_an_answer(project, triage, options):
    code, values = triage("design", "C2", "--option", str(options["gutted"]))
    assert code == 1
    assert values["recommended"] is None
    text = (project / values["folder"] / "design.md").read_text()
    assert "No option is eligible" in text
    assert "probed" in (project / "plans/fix_plan.md").read_text()
    assert triage("check")[1]["problems"] == []


def test_a_patch_that_does_not_apply_is_an_option_that_fails(project, triage, tmp_path):
    path = tmp_path / "old.patch"
    path.write_text("--- a/calc.py\n+++ b/calc.py\n@@ -1,2 +1,2 @@\n-nothing like it\n+x\n y\n")
    code, values = triage("design", "C2", "--option", str(path))
    assert code == 1
    assert "does not apply" in values["options"][0]["against"][0]
    assert str(tmp_path) not in json.dumps(values["options"][0]["why_not"])


def test_a_request_that_makes_no_sense_is_one_line_and_leaves_nothing(project, triage):
    for words, slug in (
        (("design", "C9"), "unknown-cluster"),
        (("design", "nonsense"), "unknown-cluster"),
        (("design", "C1"), "not-probed"),
        (("design", "C2"), "no-option"),
        (("design", "C2", "--option", "/nowhere.patch"), "no-option"),
        (("design", "C2", "--option", "/etc/hostname"), "bad-patch"),
        (("verify", "C9"), "unknown-cluster"),
        (("verify", "nonsense"), "unknown-cluster"),
    ):
        code, said = triage(*words)
        assert code == 2, words
        assert said["error"]["slug"] == slug
        assert "\n" not in said["error"]["message"]
        assert not list(project.glob("reports/sums/phase_[cd]/*"))


def test_an_unknown_cause_needs_a_repair_of_ones_own(project, triage, options):
    path = next(project.glob("reports/sums/phase_b/*/probe.json"))
    report = json.loads(path.read_text())
    report["root_cause"] |= {"kind": "unknown", "confidence": "unknown", "factor": None}
    path.write_text(json.dumps(report))
    code, said = triage("design", "C2")
    assert code == 2
    assert said["error"]["slug"] == "no-cause"
    code, values = triage("design", "C2", "--option", str(options["fixture"]))
    assert code == 0
    assert [criterion["name"] for criterion in values["criteria"]] == ["targeted", "chunk", "ledgers"]
    assert "unknown, not proven" in (project / values["folder"] / "design.md").read_text()

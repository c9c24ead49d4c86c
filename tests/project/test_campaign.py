"""The committed campaign holds, and `triage check` would say so if it did not."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.projects import Project

ROOT = Path(__file__).resolve().parents[2]


def check(root: Path) -> tuple[int, list[str]]:
    """Exit code and problems of `triage check` on a project."""
    said = Project(root).triage("check")
    return said.code, said.out.splitlines()


@pytest.fixture
def campaign(tmp_path):
    for name in ("reports", "plans"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "campaign")):
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, timeout=60)
    return tmp_path


def test_every_number_of_the_committed_campaign_holds(campaign):
    said = Project(campaign).triage_process("check")
    assert said.code == 0, said.out


def test_it_went_from_red_to_resolved():
    events = [json.loads(line) for line in (ROOT / "plans/journal.jsonl").read_text().splitlines()]
    about = [event for event in events if event.get("cluster") == "C19"]
    assert about[0]["event"] == "cluster_opened"
    statuses = [event["status"] for event in about if event["event"] == "status_changed"]
    assert statuses == ["probed", "designed", "resolved"]
    assert {path.name for path in ROOT.glob("reports/gradient-flow/phase_*")} == {
        "phase_a", "phase_b", "phase_c", "phase_d",
    }  # fmt: skip


def test_the_probe_found_the_factor_by_itself():
    probe = _probe_of("C19")
    cause = probe["root_cause"]
    assert (cause["kind"], cause["confidence"]) == ("zero-signal", "proven")
    assert cause["factor"]["name"] == "simulator.config.CrystalConfig.default_F"


def test_the_hunt_found_the_latent_test():
    (path,) = ROOT.glob("reports/gradient-flow/phase_b/*/hunt.json")
    (latent,) = json.loads(path.read_text())["latent"]
    cause = _probe_of(latent["cluster"])["root_cause"]
    assert (cause["kind"], cause["confidence"]) == ("order-dependent", "proven")


def _probe_of(cluster):
    """The probe document of a cluster of the committed campaign."""
    found = [
        json.loads(path.read_bytes()) for path in ROOT.glob("reports/gradient-flow/phase_b/*/probe.json")
    ]
    (probe,) = [document for document in found if document["cluster"] == cluster]
    return probe


def test_the_captured_gradients_are_the_reference_figures():
    (path,) = ROOT.glob("reports/gradient-flow/phase_d/*/gradients.json")
    text = path.read_text()
    for figure in (983757.2693770926, 7783.69601448, -2946.12089985, 5302.52389077):
        found = [float(number) for number in re.findall(r"-?\d+\.\d+", text)]
        assert any(number == pytest.approx(figure, rel=1e-9) for number in found), figure


@pytest.mark.parametrize("document", ["phase_a/*/summary.md", "phase_c/*/design.md", "phase_d/*/verify.md"])
def test_a_wrong_digit_is_found(campaign, document):
    (path,) = campaign.glob(f"reports/gradient-flow/{document}")
    text = path.read_text()
    number = re.search(r"\| (\d+) (?=\|)", text) or re.search(r"\b(\d+) of \d+\b", text)
    assert number
    wrong = str(int(number[1]) + 1)
    path.write_text(text[: number.start(1)] + wrong + text[number.end(1) :])
    code, said = check(campaign)
    assert code == 1
    assert any(path.name in line and "says" in line for line in said), said


def test_a_missing_artifact_is_found(campaign):
    next(campaign.glob("reports/gradient-flow/phase_d/*/gradients.json")).unlink()
    code, said = check(campaign)
    assert code == 1
    assert any("gradients.json" in line for line in said)


def test_a_count_that_does_not_add_up_is_found(campaign):
    (path,) = campaign.glob("reports/gradient-flow/phase_a/*/summary.json")
    path.write_text(
        re.sub(r'"passed": (\d+)', lambda m: f'"passed": {int(m[1]) - 1}', path.read_text(), count=1)
    )
    code, said = check(campaign)
    assert code == 1
    assert any("add up" in line for line in said), said


def test_a_changed_ledger_is_found(campaign):
    path = campaign / "reports/remediation_tracker.md"
    assert "**resolved**" in path.read_text()
    path.write_text(path.read_text().replace("**resolved**", "**open**"))
    code, said = check(campaign)
    assert code == 1
    assert any("remediation_tracker.md" in line for line in said)


def test_a_line_taken_out_of_the_journal_is_found(campaign):
    path = campaign / "plans/journal.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert check(campaign)[0] == 1

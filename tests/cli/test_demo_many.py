"""`triage demo --many`: four bugs in one branch, four clusters, four hunks."""

from __future__ import annotations

import json

import pytest

from tests.fixtures.projects import ENVIRONMENT
from triage.cli.app import run

pytestmark = pytest.mark.slow

HUNKS = {
    ("parcel/labels.py:5-6", "Write labels in one pass"),
    ("parcel/rates.json:5-7", "Send parcels abroad"),
    ("parcel/rates.py:19-19", "Read the rates once"),
    ("parcel/sizes.py:3-3", "Send parcels abroad"),
}


def test_four_bugs_give_four_clusters_and_four_hunks(tmp_path, monkeypatch, capsys):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CI")  # in CI the default branch may be judged otherwise
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "many"

    assert run(["demo", "--many", str(root)]) == 0

    (joint,) = root.glob("reports/parcels/phase_b/*/joint.json")
    report = json.loads(joint.read_text())
    found = {(cause["hunks"][0]["place"], cause["commits"][0]["subject"]) for cause in report["causes"]}
    assert found == HUNKS
    assert [cause["confidence"] for cause in report["causes"]] == ["proven"] * 4
    (clusters,) = root.glob("reports/parcels/phase_a/*/clusters.json")
    members = {frozenset(each["members"]) for each in json.loads(clusters.read_text())["clusters"]}
    assert members == {frozenset(cause["tests"]) for cause in report["causes"]}
    assert len(members) == 4
    assert "Four bugs in one branch, four clusters, four hunks" in capsys.readouterr().out

    report["cost"]["processes"] += 1
    joint.write_text(json.dumps(report))
    monkeypatch.chdir(root)
    assert run(["check"]) != 0
    assert "runs, and" in capsys.readouterr().out, "what the search took is recomputed"

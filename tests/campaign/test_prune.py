"""Evidence that nothing cites goes, all else stays, and `triage check` tells a removal from tampering."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.fixtures.projects import Project
from triage.cluster.mending import mended
from triage.evidence.folder import EvidenceFolder
from triage.evidence.journal import JOURNAL, Journal
from triage.model.journal import EvidencePruned

DAYS = range(1, 6)
STAMPS = {day: f"202610{day:02}T000000Z" for day in DAYS}
RED_DAY = 2
NOW = "2026-11-30T00:00:00Z"
SUITE = """
import pathlib

def test_red():
    assert not pathlib.Path("red").exists()
"""
DIES = """
import os, sys
from pathlib import Path
from triage.campaign import prune
from triage.cli.app import run

moves, last = int(sys.argv[1]), sys.argv[2]
move = Path.rename

def rename(path, target):
    global moves
    if moves == 0:
        os._exit(9)
    moves -= 1
    return move(path, target)

Path.rename = rename
if last == "remove":
    prune.remove_tree = lambda folder: os._exit(9) if folder.name == "pruned" else None
run(["prune", "--keep-runs", "1"])
"""
"""`triage prune` that dies before its Nth move, or before it removes what it moved away."""


@pytest.fixture(scope="module")
def five_runs(tmp_path_factory) -> Path:
    """A run each day, the second one red; its cluster is open, and fixed since."""
    project = Project(tmp_path_factory.mktemp("runs")).file("test_a.py", SUITE).file("pyproject.toml", "")
    project.file("pyproject.toml", "[tool.triage]\nreruns = 0\n")
    for day in DAYS:
        (project.root / "red").touch() if day == RED_DAY else (project.root / "red").unlink(missing_ok=True)
        with patch.dict(os.environ, TRIAGE_NOW=f"2026-10-{day:02}T00:00:00Z"):
            project.triage("run", "-q")
    return project.root


@pytest.fixture
def project(five_runs, tmp_path, monkeypatch) -> Project:
    monkeypatch.setenv("TRIAGE_NOW", NOW)
    shutil.copytree(five_runs, tmp_path / "p")
    return Project(tmp_path / "p")


def stamps(root: Path) -> list[str]:
    return [folder.stamp for folder in EvidenceFolder.all(root)]


def days(*numbers: int) -> list[str]:
    return [STAMPS[day] for day in numbers]


def files(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (root / "reports").rglob("*") if path.is_file()}


@pytest.mark.slow
def test_runs_that_nothing_cites_go_and_the_journal_says_so(project):
    before = files(project.root), (project.root / JOURNAL).read_bytes()
    planned = project.triage("prune", "--keep-runs", "1", "--dry-run", "--json").json
    assert (files(project.root), (project.root / JOURNAL).read_bytes()) == before

    done = project.triage("prune", "--keep-runs", "1", "--json").json
    assert done == {**planned, "dry_run": False}
    assert stamps(project.root) == days(RED_DAY, 5)
    event = next(e for e in Journal(project.root / JOURNAL).read() if isinstance(e, EvidencePruned))
    assert event.folders == {row["folder"]: row["digest"] for row in done["pruned"]}
    checked = project.triage("check", "--json").json
    assert (checked["ok"], checked["problems"]) == (True, [])
    assert any("3 STAMP folders pruned" in note for note in checked["notes"])
    # every view works on what is left
    assert "C1" in project.triage("show", "C1").out
    assert project.triage("report", "--html", "r.html").code == 0
    assert "of 5 runs red" in project.triage("history", "test_a.py::test_red").out

    again = project.triage("prune", "--keep-runs", "1", "--json").json
    assert again["pruned"] == []
    assert not (project.root / ".triage/pruned").exists()


def report_of_the_third(project: Project) -> None:
    project.triage("report", STAMPS[3], "--html", "docs/third.html")


def named_by_a_person(project: Project) -> None:
    project.file("plans/notes.md", f"In {STAMPS[3]} it was still green.")


def changed_after_its_seal(project: Project) -> None:
    path = next(project.root.glob(f"reports/*/phase_a/{STAMPS[3]}/summary.json"))
    path.write_text(path.read_text() + " ")


def sealed_again(project: Project) -> None:
    folder = next(project.root.glob(f"reports/*/phase_a/{STAMPS[3]}"))
    (folder / "manifest.json").unlink()
    (folder / "results.json").write_text((folder / "results.json").read_text() + " ")
    EvidenceFolder(folder).seal()


def cut_short(project: Project) -> None:
    next(project.root.glob(f"reports/*/phase_a/{STAMPS[3]}/manifest.json")).unlink()


def cited_by_kept_evidence(project: Project) -> None:
    folder = EvidenceFolder.create(project.root, "triage", "b", "20261120T000000Z")
    folder.write_json("probe.json", {"evidence": [f"reports/triage/phase_a/{STAMPS[3]}/results.json"]})
    folder.seal()


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (report_of_the_third, "cited by third.html"),
        (named_by_a_person, "named in plans/notes.md"),
        (changed_after_its_seal, "not as it was sealed"),
        (sealed_again, "not as it was sealed"),
        (cut_short, "cut short"),
        (cited_by_kept_evidence, "cited by reports/triage/phase_b"),
    ],
)
@pytest.mark.slow
def test_what_somebody_may_still_need_stays(
    project: Project, prepare: Callable[[Project], None], reason: str
) -> None:
    prepare(project)
    done = project.triage("prune", "--keep-runs", "1", "--json").json
    kept = {Path(row["folder"]).name: row["reason"] for row in done["kept"]}
    assert reason in kept[STAMPS[3]]
    assert [name for name in days(*DAYS) if name in kept] == days(RED_DAY, 3, 5)


@pytest.mark.slow
def test_both_limits_keep_what_is_new(project, monkeypatch):
    monkeypatch.setenv("TRIAGE_NOW", "2026-10-06T12:00:00Z")
    assert len(project.triage("prune", "--keep-runs", "1", "--json").json["kept"]) == 5
    done = project.triage("prune", "--keep-runs", "1", "--keep", "3d", "--json").json
    assert [Path(row["folder"]).name for row in done["kept"]] == days(RED_DAY, 4, 5)
    assert done["keep_days"] == 3
    assert project.triage("prune", "--keep", "3 moons").code == 2


@pytest.mark.slow
def test_an_event_hides_no_other_removal(project):
    """Neither evidence that a decision cites, nor a folder that was sealed otherwise than it was recorded."""
    names = {folder.stamp: folder.relative(project.root) for folder in EvidenceFolder.all(project.root)}
    journal = Journal(project.root / JOURNAL)
    registry = mended(journal.read())
    factory = registry.event_factory(NOW, "somebody")
    claimed = {names[STAMPS[3]]: "0" * 64, names[STAMPS[RED_DAY]]: "0" * 64}
    journal.append([factory.make(EvidencePruned, folders=claimed, keep_days=0, keep_runs=1)])
    for name in claimed:
        shutil.rmtree(project.root / name)
    checked = project.triage("check", "--json").json
    assert not checked["ok"]
    faults = [problem["what"] for problem in checked["problems"]]
    assert any(f"evidence {names[STAMPS[3]]}/results.json is missing" in what for what in faults)
    assert any(f"C1 was seen in run {STAMPS[RED_DAY]}, whose folder is gone" in what for what in faults)


@pytest.mark.slow
def test_evidence_in_git_may_be_pruned(project):
    project.commit()
    assert project.triage("prune", "--keep-runs", "1").code == 0
    assert project.triage("check").code == 0
    project.commit()
    assert project.triage("check").code == 0
    # what is removed without a word is found
    shutil.rmtree(project.root / f"reports/triage/phase_a/{STAMPS[5]}")
    assert "is in git, and was removed here" in project.triage("check").out


@pytest.mark.slow
@pytest.mark.parametrize(("moves", "dies_at", "left"), [(1, "move", 4), (9, "remove", 2)], ids=str)
def test_a_killed_prune_leaves_nothing_half_true(project, moves, dies_at, left):
    words = [sys.executable, "-c", DIES, str(moves), dies_at]
    died = subprocess.run(words, cwd=project.root, timeout=300, check=False, capture_output=True)
    assert died.returncode == 9, died.stderr
    assert len(stamps(project.root)) == left
    assert json.loads(project.triage("check", "--json").out)["problems"] == []
    if left < len(DAYS):
        assert "triage prune" in project.triage("doctor").out

    assert project.triage("prune", "--keep-runs", "1").code == 0
    assert stamps(project.root) == days(RED_DAY, 5)
    assert not (project.root / ".triage/pruned").exists()
    events = [event for event in Journal(project.root / JOURNAL).read() if isinstance(event, EvidencePruned)]
    assert len(events) == 1, "what was said already is not said again"
    assert project.triage("check").code == 0

"""Each finding of `triage doctor` says how to mend it; where that is a command, the command mends it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.fixtures.projects import Project
from triage.campaign import doctor
from triage.cluster.event_factory import EventFactory
from triage.evidence.journal import JOURNAL, Journal
from triage.model.journal import ClusterOpened

PLAN = "plans/fix_plan.md"
STAMP = "20261123T061000Z"


@pytest.fixture
def project(tmp_path) -> Project:
    made = Project(tmp_path / "p")
    made.root.mkdir()
    made.file("pyproject.toml", "[tool.triage]\n").file("test_a.py", "def test_a(): pass\n").commit()
    assert made.triage("init").code == 0
    return made


def without_git(project: Project) -> None:
    shutil.rmtree(project.root / ".git")


def without_attributes(project: Project) -> None:
    (project.root / ".gitattributes").unlink()


def without_ledger(project: Project) -> None:
    (project.root / PLAN).unlink()


def opened(project: Project, *clusters: tuple[str, str]) -> None:
    """Clusters as two branches opened them, each with a signature."""
    events = []
    for number, (cluster, signature) in enumerate(clusters):
        factory = EventFactory(f"2026-11-23T06:1{number}:00Z", "triage run")
        said = {"title": f"from branch {number}", "stamp": STAMP, "members": (f"test_a.py::test_{number}",)}
        events.append(factory.make(ClusterOpened, cluster=cluster, signatures=(signature,), **said))
    Journal(project.root / JOURNAL).append(events)


def number_twice(project: Project) -> None:
    opened(project, ("C1", "reason/1:aaaaaaaaaaaaaaaa"), ("C1", "reason/1:bbbbbbbbbbbbbbbb"))


def failure_twice(project: Project) -> None:
    opened(project, ("C1", "reason/1:aaaaaaaaaaaaaaaa"), ("C2", "reason/1:aaaaaaaaaaaaaaaa"))


def conflict_in_journal(project: Project) -> None:
    opened(project, ("C1", "reason/1:aaaaaaaaaaaaaaaa"), ("C2", "reason/1:bbbbbbbbbbbbbbbb"))
    *before, ours, theirs = (project.root / JOURNAL).read_text().splitlines()
    merged = [*before, "<<<<<<< HEAD", ours, "=======", theirs, ">>>>>>> other"]
    (project.root / JOURNAL).write_text("\n".join(merged) + "\n")


def in_region(project: Project, *lines: str) -> None:
    text = (project.root / PLAN).read_text()
    end = "<!-- triage:end clusters -->"
    assert end in text
    (project.root / PLAN).write_text(text.replace(end, "\n".join((*lines, end)), 1))


def conflict_in_ledger(project: Project) -> None:
    in_region(project, "<<<<<<< HEAD", "ours", "=======", "theirs", ">>>>>>> other")


def changed_region(project: Project) -> None:
    in_region(project, "I was here.")


def broken_markers(project: Project) -> None:
    text = (project.root / PLAN).read_text()
    (project.root / PLAN).write_text(text.replace("<!-- triage:end clusters -->", "", 1))


def broken_journal(project: Project) -> None:
    (project.root / JOURNAL).write_text("what is this\n")


def by_another_process(code: str, *words: str) -> int:
    """What this process made would be in use."""
    return subprocess.run([sys.executable, "-c", code, *words], check=False).returncode


def cut_short(project: Project) -> None:
    made = (
        "import sys; from pathlib import Path; from triage.evidence.folder import EvidenceFolder;"
        "EvidenceFolder.create(Path(sys.argv[1]), 'x', 'b', sys.argv[2])"
    )
    assert by_another_process(made, str(project.root), STAMP) == 0


def half_written(project: Project) -> None:
    dies = (
        "import os, sys; from pathlib import Path; from triage.evidence import atomic;"
        "os.replace = lambda *a: os._exit(9); atomic.write_text(Path(sys.argv[1]), 'x')"
    )
    assert by_another_process(dies, str(project.root / PLAN)) == 9
    for file in (project.root / "plans").glob(".triage-*"):
        os.utime(file, (0, 0))  # a young one may have a writer that has not locked it yet


def half_pruned(project: Project) -> None:
    (project.root / ".triage/pruned/reports.x.phase_a" / STAMP).mkdir(parents=True)


def broken_history(project: Project) -> None:
    (project.root / ".triage").mkdir(exist_ok=True)
    (project.root / ".triage/history.sqlite").write_bytes(b"no database at all, but long enough" * 100)


class Trouble(NamedTuple):
    """Something that is wrong, how doctor calls it, and the command that it names."""

    make: Callable[[Project], None]
    said: str
    command: str | None = None
    """None where somebody has to decide."""


TROUBLES = (
    Trouble(without_git, "is not in a git repository", "git init"),
    Trouble(without_attributes, "journals would conflict", "triage init"),
    Trouble(without_ledger, f"there is no {PLAN}", "triage init"),
    Trouble(number_twice, "two branches allotted C1", "triage doctor --mend"),
    Trouble(failure_twice, "two branches saw the failure of C1", "triage doctor --mend"),
    Trouble(conflict_in_journal, "holds conflict marks", "triage doctor --mend"),
    Trouble(conflict_in_ledger, "git could not merge", "triage doctor --mend"),
    Trouble(changed_region, "was changed by hand"),
    Trouble(broken_markers, PLAN),
    Trouble(broken_journal, JOURNAL),
    Trouble(cut_short, "has no manifest.json", "rm -r"),
    Trouble(half_written, "was being written", "triage doctor --mend"),
    Trouble(half_pruned, "removal was cut short", "triage prune"),
    Trouble(broken_history, "history"),
)


def findings(project: Project) -> list[dict[str, str]]:
    """What is not well."""
    found = project.triage("doctor", "--json").json["findings"]
    return [each for each in found if each["level"] != "ok"]


def run_command(project: Project, mend: str, command: str) -> None:
    """The command that a mend names, as far as it is one: up to the next word of the sentence."""
    words = shlex.split(mend[mend.index(command) :].partition(",")[0])
    if words[0] == "triage":
        assert project.triage(*words[1:]).code == 0
    else:
        subprocess.run(words, cwd=project.root, check=True, capture_output=True)


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda each: each.make.__name__)
def test_a_finding_has_its_mend_and_the_mend_mends(project: Project, trouble: Trouble) -> None:
    assert findings(project) == []
    trouble.make(project)
    found = findings(project)
    assert all(each["mend"] for each in found), found
    (own,) = [each for each in found if trouble.said in each["what"]]
    if trouble.command is None:
        return
    run_command(project, own["mend"], trouble.command)
    assert [each for each in findings(project) if trouble.said in each["what"]] == []


def test_what_the_machine_lacks_has_its_mend_too(project, monkeypatch):
    nearly_full = shutil.disk_usage(project.root)._replace(free=5 << 20)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: nearly_full)
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: mode != os.W_OK)
    found = findings(project)
    assert {each["level"] for each in found} == {"warning", "error"}
    assert any("5 MiB are free" in each["what"] and "triage prune" in each["mend"] for each in found)
    assert any("cannot be written" in each["what"] and "TRIAGE_OUTPUT" in each["mend"] for each in found)

"""A check reads again what may have changed, and its answer never depends on what it remembers."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from triage.campaign.check.checked_before import CheckedBefore
from triage.campaign.check.project import check_project
from triage.documents.folder_check import Checked
from triage.documents.render import load_templates
from triage.evidence.journal import JOURNAL

MEMORY = ".triage/checked.json"


def check(root: Path, *, version: str = "1", forget: bool = False) -> Checked:
    templates = load_templates()
    return check_project(root, templates, CheckedBefore(root, templates, version, forget=forget))


def totals(checked: Checked) -> tuple[int, int, int, int]:
    return checked.folders, checked.files, checked.documents, checked.claims


def some_run(root: Path) -> Path:
    return next(iter(sorted(root.glob("reports/*/phase_a/*"))))


def test_what_is_unchanged_is_counted_and_not_read_again(project: Path) -> None:
    first = check(project)
    again = check(project)
    assert first.unchanged == 0 < again.unchanged
    assert totals(again) == totals(first)
    assert again.problems == first.problems
    assert check(project, forget=True).unchanged == 0
    assert check(project, version="2").unchanged == 0


@pytest.mark.parametrize("name", ["results.json", "manifest.json", "summary.md"])
def test_a_change_is_found_also_where_size_and_time_are_put_back(project: Path, name: str) -> None:
    check(project)
    path = some_run(project) / name
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    found = check(project)
    assert found.problems
    assert found.problems == check(project, forget=True).problems


def test_a_file_that_came_or_went_is_found(project: Path) -> None:
    check(project)
    run = some_run(project)
    (run / "more.txt").write_text("x")
    assert any("more.txt" in problem.path for problem in check(project).problems)
    (run / "more.txt").unlink()
    (run / "clusters.json").unlink()
    assert any("clusters.json" in problem.path for problem in check(project).problems)


def test_a_journal_that_goes_on_changes_nothing_and_another_one_everything(project: Path) -> None:
    known = check(project).folders and check(project).unchanged
    path = project / JOURNAL
    lines = path.read_bytes()
    path.write_bytes(
        lines + lines.splitlines(keepends=True)[-1]
    )  # as git leaves a line that two branches had
    assert check(project).unchanged == known
    path.write_bytes(b"\n" + lines)
    assert check(project).unchanged == 0


@pytest.mark.parametrize("text", ["", "no json", '{"v": 1}'])
def test_a_memory_that_cannot_be_read_is_none(project: Path, text: str) -> None:
    first = check(project)
    (project / MEMORY).write_text(text)
    assert check(project).unchanged == 0
    shutil.rmtree(project / ".triage")
    again = check(project)
    assert (again.unchanged, totals(again)) == (0, totals(first))

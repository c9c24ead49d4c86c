"""`triage init`: what it writes, and why."""

from __future__ import annotations

import os
import tomllib

from triage.campaign.init import sensible_workers


def settings_of(project):
    return tomllib.loads((project.root / "pyproject.toml").read_text())["tool"]["triage"]


def test_outside_of_git_nothing_is_written_for_git_and_it_is_said(project):
    said = project.triage("init").out
    assert "pyproject.toml: [tool.triage] (triage reads its settings there" in said
    assert "this is in no git repository" in said
    assert not (project.root / ".gitattributes").exists()
    assert not (project.root / ".gitignore").exists()
    assert settings_of(project)["workers"] == sensible_workers()


def test_in_git_each_line_has_its_reason_and_comes_once(project):
    project.file("test_a.py", "def test_a():\n    pass\n").commit()
    said = project.triage("init").out
    assert ".gitattributes: plans/journal.jsonl merge=union (so that" in said
    assert ".gitignore: /.triage/ (locks" in said
    assert project.triage("init").out.startswith("everything is there already")


def test_workers_are_the_processors_that_may_be_used(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2}, raising=False)
    assert sensible_workers() == 3
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(64)), raising=False)
    assert sensible_workers() == 8

"""A project on the spot, and the real command line run on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class Said:
    """What one command said."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


class Project:
    """A small pytest project in a folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, **files: str) -> Project:
        for name, text in files.items():
            path = self.root / name.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return self

    def file(self, name: str, text: str) -> Project:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return self

    def git(self, *words: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        run = subprocess.run(
            ["git", *identity, *words], cwd=self.root, check=True, capture_output=True, text=True
        )
        return run.stdout

    def commit(self) -> Project:
        if not (self.root / ".git").exists():
            self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("commit", "-qm", "state")
        return self

    def triage(self, *words: str, **env: str) -> Said:
        run = subprocess.run(
            [sys.executable, "-m", "triage", *words],
            cwd=self.root, capture_output=True, text=True, timeout=300,
            env={**os.environ, "CI": "true", "TRIAGE_ACTOR": "tester", **env},
        )  # fmt: skip
        return Said(run.returncode, run.stdout, run.stderr)


SUITE = """
import pytest

def test_passes():
    pass

def test_fails():
    raise ValueError("the widget of 17 parts is broken")

@pytest.mark.skip
def test_skipped():
    pass

@pytest.mark.parametrize("n", [1, 2])
def test_same_reason(n):
    raise KeyError("missing")
"""


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path / "project")
    made.root.mkdir()
    return made.file("pytest.ini", "[pytest]\n")


@pytest.fixture(scope="session")
def make_project():
    """make_project(folder): the project in a folder beneath it, made where there is none."""

    def make(folder):
        (folder / "project").mkdir(exist_ok=True)
        return Project(folder / "project")

    return make


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A project with one recorded run; tests that use it only look."""
    made = Project(tmp_path_factory.mktemp("ran") / "project")
    made.root.mkdir()
    made.file("pytest.ini", "[pytest]\n").file("tests/test_a.py", SUITE).commit()
    assert made.triage("init", "--next-cluster", "19").code == 0
    said = made.triage("run", "--json")
    assert said.code == 1, said.err
    made.stamp = said.json["stamp"]
    made.said = said
    return made

"""Commands of experiments answer as the experiment did where they are pasted, and leave nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.projects import NO_FOREIGN_PLUGINS
from triage.lab.commands import shell
from triage.lab.protocol import Setup

PATCH = """\
--- a/test_x.py
+++ b/test_x.py
@@ -1,2 +1,2 @@
 def test_a():
-    assert 3 == 1
+    assert 1 == 1
"""


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture(params=["", "suite with blank"])
def suite(request, tmp_path) -> Path:
    """A suite at the top of a repository, or in a folder below; its last commit broke it."""
    root = tmp_path / "repository" / request.param
    root.mkdir(parents=True)
    git(tmp_path / "repository", "init", "-q")
    (root / "pytest.ini").write_text("[pytest]\n")
    for number in (1, 3):
        (root / "test_x.py").write_text(f"def test_a():\n    assert {number} == 1\n")
        git(root, "add", "-A")
        git(root, "commit", "-qm", f"{number} is one")
    return root


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **NO_FOREIGN_PLUGINS}
    return subprocess.run(
        ["sh", "-c", f"{command}; echo exit $?; pwd"],
        cwd=folder, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_an_experiment_at_another_commit_leaves_no_worktree(suite, tmp_path):
    parent = git(suite, "rev-parse", "HEAD~1").strip()
    arms = {None: 1, parent: 0}
    for commit, code in arms.items():
        setup = Setup(nodeids=("test_x.py::test_a",), commit=commit)
        done = run(
            shell(setup, root=str(suite), python=sys.executable, env={}, instruments=None, edits=None),
            tmp_path,
        )
        assert f"exit {code}" in done.stdout, done.stdout + done.stderr
    assert len(git(suite, "worktree", "list").splitlines()) == 1
    assert git(suite, "status", "--porcelain", "--untracked-files=no") == ""


@pytest.mark.slow
def test_edits_are_tried_beside_the_users_tree(suite, tmp_path):
    patch = tmp_path / "it's.patch"
    patch.write_text(PATCH)
    setup = Setup(nodeids=("test_x.py::test_a",))
    command = shell(setup, root=str(suite), python=sys.executable, env={}, instruments=None, edits=str(patch))
    done = run(command, tmp_path)
    assert "exit 0" in done.stdout, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == str(tmp_path), "the shell of the user stays where it was"
    assert len(git(suite, "worktree", "list").splitlines()) == 1
    assert "assert 3 == 1" in (suite / "test_x.py").read_text()

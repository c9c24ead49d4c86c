"""A checkout on a file system that is mounted read-only, as containers of a CI service have it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.projects import ENVIRONMENT, Project

_MOUNTED = (
    'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && ! touch x 2>/dev/null && exec "$@"'
)
"""Shell text that makes its folder read-only in a name space of its own, and runs a command in it."""


def _read_only(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", _MOUNTED, str(folder), *command],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **ENVIRONMENT, "PYTHONDONTWRITEBYTECODE": "1"},
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Project:
    if shutil.which("unshare") is None:
        pytest.skip("needs Linux's unshare")
    (tmp_path / "probe").mkdir()
    if _read_only(tmp_path / "probe", "true").returncode != 0:
        pytest.skip("only root may mount, and some containers forbid it to root")
    root = tmp_path / "checkout"
    project = Project(root).file(
        "test_a.py", "def test_green():\n    pass\n\n\ndef test_red():\n    assert 0\n"
    )
    return project.file("pyproject.toml", "[tool.pytest.ini_options]\n").commit()


@pytest.mark.slow
def test_a_read_only_mount_takes_a_run_whose_output_lies_elsewhere(checkout: Project, tmp_path: Path) -> None:
    before = sorted(path for path in checkout.root.rglob("*"))
    output = tmp_path / "output"
    triage = (sys.executable, "-m", "triage")
    done = _read_only(checkout.root, *triage, "run", "--output", str(output), "--json")
    assert done.returncode == 1, done.stderr
    results = _read_only(checkout.root, *triage, "results", "--output", str(output), "--json")
    counts = json.loads(results.stdout)["counts"]
    assert (counts["passed"], counts["failed"]) == (1, 1)
    checked = _read_only(checkout.root, *triage, "check", "--output", str(output))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert sorted(path for path in checkout.root.rglob("*")) == before


def test_without_an_output_of_its_own_a_read_only_mount_is_one_clear_line(checkout: Project) -> None:
    done = _read_only(checkout.root, sys.executable, "-m", "triage", "run")
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "Read-only file system" in done.stderr
    assert "output" in done.stderr

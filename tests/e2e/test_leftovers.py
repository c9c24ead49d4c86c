"""What a killed run leaves behind: `triage doctor` names it, resuming or removing takes it away."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from tests.planted.lab import PATIENCE

pytestmark = pytest.mark.slow
STAMP = "20260102T030405Z"


def left(project, place):
    said = project.triage("doctor", "--json", TMPDIR=str(place))
    return [f for f in said.json["findings"] if "of a run that was killed" in f["what"]]


def killed_run(project, place):
    """A run that is killed in its first test; returns when its processes are gone."""
    project.file(
        "test_a.py",
        "import pathlib, time\ndef test_a():\n    pathlib.Path('began').touch()\n    time.sleep(600)\n",
    )
    words = [sys.executable, "-m", "triage", "run", "--stamp", STAMP, "--no-ledgers"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    run = subprocess.Popen(words, cwd=project.root, env={**os.environ, "TMPDIR": str(place)}, **quiet)
    deadline = time.monotonic() + PATIENCE
    while not (project.root / "began").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert left(project, place) == [], "a run that goes on is not left over"
    run.send_signal(signal.SIGKILL)
    run.wait()
    project.file("test_a.py", "def test_a():\n    pass\n")


def test_doctor_names_what_a_killed_run_left_and_both_ways_out(project, tmp_path):
    place = tmp_path / "tmp"
    place.mkdir()
    killed_run(project, place)
    (finding,) = left(project, place)
    assert finding["level"] == "warning"
    assert "MiB of a run that was killed" in finding["what"]
    assert f"triage run --resume {STAMP}" in finding["mend"]
    elsewhere = type(project)(tmp_path / "other")
    elsewhere.root.mkdir()
    elsewhere.file("pytest.ini", "[pytest]\n")
    assert left(elsewhere, place) == [], "another project's run is none of its business"
    assert project.triage("run", "--resume", STAMP, TMPDIR=str(place)).code == 0
    assert left(project, place) == []
    assert list(place.glob("*triage-*")) == []


def test_what_cannot_be_resumed_can_be_removed_by_the_command_that_is_named(project, tmp_path):
    place = tmp_path / "tmp"
    place.mkdir()
    killed_run(project, place)
    subprocess.run(["rm", "-rf", str(project.root / "reports")], check=True)
    (finding,) = left(project, place)
    words = shlex.split(finding["mend"])
    assert words[:2] == ["rm", "-rf"]
    assert all(word.startswith(f"{place}/") for word in words[2:])
    subprocess.run(words, check=True)
    assert list(place.glob("*triage-*")) == []
    assert left(project, place) == []

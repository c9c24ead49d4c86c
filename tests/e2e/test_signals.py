"""A command that is cancelled or killed: one line and exit code 130, and nothing that stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.fixtures.projects import ENVIRONMENT

pytestmark = pytest.mark.slow
SLOW = (
    "import time\ndef test_slow():\n    time.sleep(0.2)\n    open('ran', 'w').close()\n    time.sleep(60)\n"
)


def temporary(tmp_path):
    folder = tmp_path / "tmp"
    folder.mkdir(exist_ok=True)
    return folder


def started(project, tmp_path, *words):
    """The command in a process of its own, once it works in a scratch copy."""
    place = temporary(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "triage", *words],
        cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **ENVIRONMENT, "TMPDIR": str(place)},
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while not list(place.glob("tr-*/slot_*/now/*/ran")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


@pytest.fixture
def probed(project):
    return project.file("test_a.py", SLOW).commit()


def worktrees(project):
    return project.git("worktree", "list", "--porcelain").count("worktree ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_probe_that_is_cancelled_leaves_nothing(probed, tmp_path, number):
    process = started(probed, tmp_path, "probe", "test_a.py::test_slow")
    process.send_signal(number)
    process.send_signal(signal.SIGTERM)  # a second one does not disturb the tidying up
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "triage: interrupted; what was recorded is kept [interrupted]"
    assert "Traceback" not in said
    assert list(temporary(tmp_path).iterdir()) == []
    assert worktrees(probed) == 1


def test_what_a_killed_probe_leaves_is_named_and_the_next_command_removes_it(probed, tmp_path):
    process = started(probed, tmp_path, "probe", "test_a.py::test_slow")
    environ = {"TMPDIR": str(temporary(tmp_path))}
    before = probed.triage("doctor", **environ).out
    assert "of a command that was killed" not in before
    assert "a triage works on it now" in before
    process.kill()
    process.communicate()
    said = probed.triage("doctor", **environ).out
    assert said.count("is of a command that was killed") == 2
    assert "has no manifest.json: it was cut short" in said
    assert worktrees(probed) == 2
    probed.file("test_a.py", "def test_slow():\n    pass\n")
    assert probed.triage("run", **environ).code == 0
    assert worktrees(probed) == 1
    assert list(temporary(tmp_path).iterdir()) == []
    assert "of a command that was killed" not in probed.triage("doctor", **environ).out

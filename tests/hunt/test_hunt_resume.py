"""A hunt that is killed in the middle goes on where it was; two processes at once show what they share."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.fixtures.projects import ENVIRONMENT, project
from triage.evidence.folder import EvidenceFolder
from triage.hunt.document import RUNS

__all__ = ["project"]

pytestmark = pytest.mark.slow

_MOST_SECONDS = 300
"""For a killed hunt to come as far as it has to: the machine may be busy."""


def lines_of(root):
    for folder in EvidenceFolder.all(root, phase="b"):
        path = folder.path / RUNS
        if path.is_file():
            return path.read_text().splitlines()
    return []


def hunt_until(root, arm):
    """Start a hunt and kill it as soon as a run of this arm is on disk."""
    command = [
        sys.executable,
        "-m",
        "triage",
        "hunt",
        "--root",
        str(root),
        "--budget",
        "200",
        "--only",
        "order",
    ]
    with subprocess.Popen(
        command,
        env={**os.environ, **ENVIRONMENT},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        deadline = time.monotonic() + _MOST_SECONDS
        while not any(f'"arm": "{arm}"' in line for line in lines_of(root)):
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)


def test_a_killed_hunt_is_resumed_and_finds_the_same(project):
    project.file("pytest.ini", "[pytest]\ntestpaths = tests\n")
    project.file("app.py", "MODE = ['plain']\n")
    victim = "import app\n\n\ndef test_reads():\n    assert app.MODE == ['plain']\n"
    project.file("tests/test_a.py", victim)
    project.file(
        "tests/test_b.py", "SEEN = []\n\n\ndef test_once():\n    SEEN.append(1)\n    assert SEEN == [1]\n"
    )
    project.file("tests/test_z.py", "import app\n\n\ndef test_writes():\n    app.MODE[:] = ['fancy']\n")
    hunt_until(project.root, "reversed")
    taken_over = lines_of(project.root)

    resumed = project.triage("hunt", "--resume", "--budget", "120", "--only", "order", "--json")
    assert resumed.code == 0, resumed.err
    found = {row["tests"][0]: row for row in resumed.json["latent"]}
    assert found["tests/test_a.py::test_reads"]["culprits"] == ["tests/test_z.py::test_writes"]
    assert found["tests/test_b.py::test_once"]["dependence"] == "not-idempotent"
    # what was on disk is not run again
    assert "reversed" not in {arm["name"] for arm in resumed.json["arms"]}
    assert any("taken over" in note for note in resumed.json["notes"])
    assert len(taken_over) > 2
    assert project.triage("hunt", "--resume").code == 2


def test_one_seed_gives_one_plan(project):
    project.file("pytest.ini", "[pytest]\n")
    for name in "abcd":
        project.file(f"test_{name}.py", "".join(f"def test_{n}():\n    pass\n\n\n" for n in range(4)))

    def orders(seed):
        hunted = project.triage("hunt", "--seed", str(seed), "--budget", "60", "--only", "order", "--json")
        assert hunted.code == 0, hunted.err
        runs = [json.loads(line) for line in lines_of(project.root)]
        for folder in ("reports", "plans"):  # else the second hunt goes on where the first one ended
            shutil.rmtree(project.root / folder, ignore_errors=True)
        return [(run["arm"], run["order"]) for run in runs]

    first = orders(7)
    assert {"reversed", "square 0"} <= {arm for arm, _ in first}
    assert orders(7) == first
    assert orders(8) != first


def test_two_processes_at_once_meet_at_one_file(project):
    project.file("pytest.ini", "[pytest]\n")
    body = "    open('one.lock', 'x').close()\n    time.sleep(0.5)\n    os.unlink('one.lock')\n"
    project.file("test_lock.py", f"import os\nimport time\n\n\ndef test_locks():\n{body}")
    hunted = project.triage("hunt", "--budget", "120", "--only", "chance", "--json")
    assert hunted.code == 0, hunted.err
    (row,) = hunted.json["latent"]
    assert (row["kind"], row["culprits"]) == ("resource", ["two processes at once"])

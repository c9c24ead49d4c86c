"""Processes that outlive a harness which was killed with everything around it."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from triage.process.orphans import MARKER, new_mark, sweep_abandoned, sweep_marked

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


@pytest.fixture
def marked():
    """marked(mark): a sleeping process that carries it."""
    started = []

    def start(mark: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(SLEEP, env={**os.environ, MARKER: mark}, stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"up\n"
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def dead_pid() -> int:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert not psutil.pid_exists(gone.pid)
    return gone.pid


def test_only_what_a_dead_harness_left_of_this_suite_is_ended(marked, tmp_path):
    here, elsewhere = str(tmp_path / "here"), str(tmp_path / "elsewhere")
    dead = dead_pid()
    ours, others = (new_mark(root, "chunk_01").partition("-")[2] for root in (here, elsewhere))
    left, of_other, watched = (
        marked(f"{dead}-{ours}"),
        marked(f"{dead}-{others}"),
        marked(new_mark(here, "x")),
    )
    assert sweep_abandoned(here) == 1
    assert left.wait(30) == -9
    assert of_other.poll() is None
    assert watched.poll() is None, "its harness lives"


def test_a_mark_is_that_of_one_attempt(marked, tmp_path):
    one, other = new_mark(str(tmp_path), "chunk_01"), new_mark(str(tmp_path), "chunk_01")
    kept, ended = marked(one), marked(other)
    assert sweep_marked(other) == 1
    assert ended.wait(30) == -9
    assert kept.poll() is None

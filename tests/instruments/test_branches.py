"""A process goes on in children, one for each branch, and knows which of them came to their end."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="branches need Linux")

SCRIPT = """\
import json, os, signal, time
from triage.instruments.branches import branch

value = [1]
name, ended = branch(["good", "bad", "killed", "hangs", "last"], seconds=1.0)
value.append(name)
if name in ("good", "last"):
    os.write(1, f"{name} {value}\\n".encode())
    os._exit(0)
if name == "bad":
    os._exit(3)
if name == "killed":
    os.kill(os.getpid(), signal.SIGSEGV)
if name == "hangs":
    time.sleep(600)
print(json.dumps([name, ended, value]))
"""


def test_each_branch_has_the_memory_of_before_and_what_does_not_end_well_is_left_out():
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    *children, parent = done.stdout.splitlines()
    assert children == ["good [1, 'good']", "last [1, 'last']"]
    assert json.loads(parent) == [None, ["good", "last"], [1, None]]

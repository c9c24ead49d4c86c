"""The end of a command: its exit code stands, and what was to happen at the end happens."""

from __future__ import annotations

import subprocess
import sys

import pytest

from triage.errors import ExitCode

AT_EXIT = "import atexit; atexit.register(print, 'at the end', flush=True)"
IN_THREAD = """
import threading, time
def work():
    time.sleep(0.1)
    print('at the end', flush=True)
threading.Thread(target=work).start()
"""
COMMAND = """
import sys
sys.argv = ['triage', 'no-such-command']
from triage.__main__ import main
main()
"""


@pytest.mark.parametrize("begun", [AT_EXIT, IN_THREAD], ids=["atexit", "thread"])
def test_end_loses_nothing(begun: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", f"{begun}\n{COMMAND}"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == ExitCode.USAGE
    assert ended.stdout == "at the end\n"

"""Answers that nobody reads: the command still comes to its end, and its exit code is its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = """
import sys
from triage.cli.streams import with_tolerant_streams

def command():
    for number in range(20_000):
        print("line", number)
        print("note", number, file=sys.stderr)
    open({done!r}, "w").close()
    return {code}

sys.exit(with_tolerant_streams(command))
"""


@pytest.mark.parametrize("code", [0, 1, 130])
def test_a_closed_pipe_keeps_the_exit_code(tmp_path, code):
    done = tmp_path / "done"
    script = COMMAND.format(done=str(done), code=code)
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout.readline() == b"line 0\n"
    child.stdout.close()
    child.stderr.close()
    assert child.wait(timeout=60) == code
    assert done.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
@pytest.mark.parametrize(("code", "seen"), [(0, 3), (1, 3), (4, 4)])
def test_an_answer_that_is_lost_is_said_in_one_line(tmp_path, code, seen):
    script = COMMAND.format(done=str(tmp_path / "done"), code=code)
    with open("/dev/full", "w") as full:
        said = subprocess.run(
            [sys.executable, "-c", script], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert said.returncode == seen
    assert said.stderr.splitlines()[-1].startswith("triage: the answer could not be written: No space left")
    assert (tmp_path / "done").exists()


def test_closed_streams_are_no_error():
    script = "from triage.__main__ import main; main()"
    command = f"{sys.executable} -c '{script}' --version >&- 2>&-"
    assert subprocess.run(command, shell=True, check=False).returncode == 0


def test_a_letter_that_the_encoding_lacks_is_spelled_out():
    script = COMMAND.format(done="/dev/null", code=0).replace("20_000", "1").replace('"line"', '"∂"')
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={"PYTHONIOENCODING": "ascii"},
        check=False,
    )  # fmt: skip
    assert (said.returncode, said.stdout) == (0, "\\u2202 0\n")

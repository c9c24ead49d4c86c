"""A suite whose tests note that they ran, and a harness process beside it to do things to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from tests.fixtures.projects import NO_FOREIGN_PLUGINS

STAMP = "20260101T000000Z"
PATIENCE = 300.0
"""Seconds to wait for what should happen at once: other tests may have the cores."""
_COUNTED = """
import os, time, pytest
@pytest.mark.parametrize("n", range({count}))
def test_n(n):
    with open({ran!r}, "a") as file: file.write(f"{name}-{{n}}\\n")
    time.sleep({nap})
    assert n % 10 != 3
"""
_DROP = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
for capability in (0, 1, 2, 3, 5, 21):  # chown, override, read search, fowner, kill, admin
    libc.prctl(24, capability, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
WITHOUT_PRIVILEGE: Sequence[str] = (sys.executable, "-c", _DROP)
"""Words before a command: root obeys the modes of files in it, as everybody else does."""


class Lab:
    """The suite, its scratch place, and a harness that runs it under one STAMP."""

    def __init__(self, place: Path, harness: Path) -> None:
        """`harness` is a script that takes ROOT STAMP [resume] [KEY=JSON]... and prints the record."""
        self.root, self.ran, self.tmp = place / "suite", place / "ran", place / "tmp"
        self._harness = harness
        self.root.mkdir()
        self.tmp.mkdir()
        self.ran.touch()

    def write(self, files: int = 2, count: int = 30, nap: float = 0.01) -> None:
        """Test files `test_m0.py` and so on; in each the third test of ten fails."""
        for number in range(files):
            text = _COUNTED.format(ran=str(self.ran), name=f"m{number}", count=count, nap=nap)
            (self.root / f"test_m{number}.py").write_text(text)

    def command(self, *words: str) -> list[str]:
        """The harness as a command."""
        return [sys.executable, str(self._harness), str(self.root), STAMP, *words]

    def start(self, *words: str, before: Sequence[str] = (), **kwargs: Any) -> subprocess.Popen[str]:
        """The harness as a process; `before` are words in front of the command."""
        environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        environ |= {"TMPDIR": str(self.tmp), **NO_FOREIGN_PLUGINS}
        return subprocess.Popen(
            [*before, *self.command(*words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
            **kwargs,
        )

    def ended(self, *words: str, before: Sequence[str] = (), **kwargs: Any) -> tuple[int, str, str]:
        """Exit code, output and errors of a harness that is waited for."""
        process = self.start(*words, before=before, **kwargs)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out, err

    def finish(self, *words: str, **kwargs: Any) -> dict[str, Any]:
        """The record of a harness that comes to its end."""
        code, out, err = self.ended(*words, **kwargs)
        assert code == 0, err
        record: dict[str, Any] = json.loads(out)
        return record

    def wait_for(self, lines: int) -> None:
        """Until so many tests have started."""
        deadline = time.monotonic() + PATIENCE
        while len(self.ran.read_text().splitlines()) < lines:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def wait_for_folder(self) -> None:
        """Until the harness has made its evidence folder."""
        deadline = time.monotonic() + PATIENCE
        while not self.folder.exists():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    @property
    def folder(self) -> Path:
        """The evidence."""
        return self.root / "reports" / "t" / "phase_a" / STAMP

    def known(self) -> set[str]:
        """Tests whose outcome is in the evidence."""
        return known_in(self.folder)

    def runs(self) -> dict[str, int]:
        """How often each test was started, by its node id."""
        count: dict[str, int] = {}
        for word in self.ran.read_text().split():
            module, _, number = word.partition("-")
            nodeid = f"test_{module}.py::test_n[{number}]"
            count[nodeid] = count.get(nodeid, 0) + 1
        return count

    def all_gone(self) -> bool:
        """Wait until every process that the harness started has ended; False where one does not."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if not any(str(self.tmp) in text for text in map(_environment, psutil.process_iter())):
                return True
            time.sleep(0.05)
        return False


def _environment(process: psutil.Process) -> str:
    try:
        return "" if process.pid == os.getpid() else " ".join(process.environ().values())
    except (psutil.Error, OSError):
        return ""


def known_in(folder: Path) -> set[str]:
    """Node ids of the tests whose outcome is in the record of an evidence folder."""
    ids: dict[tuple[str, int], list[str]] = {}
    done = set()
    for event in _events(folder / "events.jsonl"):
        place = (event["chunk"], event["attempt"])
        if event["e"] == "collected":
            ids[place] = event["ids"]
        elif event["e"] in ("ran", "finish"):
            done.add(ids[place][event["i"]])
    return done


def _events(path: Path) -> list[dict[str, Any]]:
    found = []
    for line in path.read_bytes().split(b"\n") if path.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue  # the line that a kill cut
    return found


def outcomes(record: dict[str, Any]) -> dict[str, str]:
    """Outcome of each test, from a record as JSON."""
    return {result["nodeid"]: result["outcome"] for result in record["results"]}


def expected(files: int, count: int) -> dict[str, str]:
    """What `Lab.write` makes of its tests."""
    return {
        f"test_m{f}.py::test_n[{n}]": "failed" if n % 10 == 3 else "passed"
        for f in range(files)
        for n in range(count)
    }

"""A world of real tests without the price of processes: each setup runs in a fork of this interpreter.

What is imported here (torch, say) is there at once in every run. For tests of probes that take many looks:
the laboratory itself starts processes.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from triage.instruments.registry import plugin_of
from triage.lab.protocol import Observation, Setup
from triage.model.failure import Failure, Frame, Raised
from triage.model.outcome import Outcome
from triage.probe.api import Case

_NUMBER = count(1)


class Fork:
    """Runs setups on a project of these files."""

    def __init__(self, room: Path, files: Mapping[str, str], *, seconds: float = 20.0) -> None:
        """`seconds`: limit of one run where its setup names none."""
        self._room, self._seconds = room, seconds
        self.files = {"pytest.ini": "[pytest]\npythonpath = .\ntestpaths = tests\n", **files}

    def __call__(self, setup: Setup) -> Observation:
        """One run: outcomes, failures and what the instruments measured."""
        folder = self._room / f"{next(_NUMBER):04d}"
        root, out = folder / "tree", folder / "out"
        out.mkdir(parents=True)
        for name, text in {**self.files, **setup.edits}.items():
            if text is not None:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text, encoding="utf-8", newline="")
        child = os.fork()
        if child == 0:
            _run(setup, root, out)
        status = _ended(child, setup.test_timeout or self._seconds)
        return _observed(setup, root, out, status)

    def case(self, nodeid: str, **more: Any) -> Case:
        """The case of a test that fails here."""
        base = Setup(nodeids=(nodeid,))
        seen = self(base)
        failure = seen.failures.get(nodeid) or Failure(nodeid=nodeid, phase="call", longrepr="")
        known = {"source": self.files.get, "files": tuple(sorted(self.files)), "context": "alone", **more}
        return Case(nodeid=nodeid, base=base, failure=failure, observed=seen, **known)


class _Recorder:
    def __init__(self, path: Path, root: Path) -> None:
        self._path, self._root = path, root

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        line: dict[str, Any] = {"nodeid": item.nodeid, "when": call.when, "error": ""}
        if call.excinfo is not None:
            skipped = call.excinfo.errisinstance(pytest.skip.Exception)
            frames = [
                (os.path.relpath(str(entry.path), self._root), entry.lineno + 1, entry.name)
                for entry in call.excinfo.traceback
            ]
            line |= {"error": call.excinfo.typename, "message": str(call.excinfo.value), "skipped": skipped}
            line["frames"] = [frame for frame in frames if not frame[0].startswith(("..", "/"))]
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")


def _run(setup: Setup, root: Path, out: Path) -> None:
    """In the child: never returns."""
    code = 70
    try:
        # pytest collects garbage five times at its end; what was imported here, torch before all, is none
        gc.freeze()
        if torch := sys.modules.get("torch"):
            torch.set_num_threads(1)  # a pool of threads that the parent has begun is not there behind a fork
        os.setsid()
        log = os.open(out.parent / "log", os.O_WRONLY | os.O_CREAT)
        for stream in (1, 2):
            os.dup2(log, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(root)
        for name, value in setup.env.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        told = {name: json.dumps(value) for name, value in setup.instruments.items()}
        settings = out.parent / "settings.json"
        settings.write_text(json.dumps({**told, "out": str(out)}), encoding="utf-8")
        os.environ["TRIAGE_INSTRUMENT"] = str(settings)
        for name in [name for name in sys.modules if name.startswith("triage.instruments")]:
            del sys.modules[name]
        plugins = [word for name in setup.instruments for word in ("-p", plugin_of(name))]
        words = [
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(root),
            "-c",
            str(root / "pytest.ini"),
            *setup.pytest_args,
            *plugins,
        ]
        code = int(pytest.main([*words, *setup.nodeids], [_Recorder(out.parent / "seen.jsonl", root)]))
    finally:
        sys.stdout.flush()
        os._exit(code)


def _ended(child: int, seconds: float) -> int | None:
    """The child's status; None where the limit ended it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _observed(setup: Setup, root: Path, out: Path, status: int | None) -> Observation:
    seen = out.parent / "seen.jsonl"
    lines = [json.loads(text) for text in seen.read_text().splitlines()] if seen.exists() else []
    outcomes: dict[str, Outcome] = {}
    failures: dict[str, Failure] = {}
    for line in lines:
        nodeid = line["nodeid"]
        if not line["error"]:
            if line["when"] == "teardown":
                outcomes.setdefault(nodeid, Outcome.PASSED)
            continue
        skipped = bool(line["skipped"])
        bad = Outcome.FAILED if line["when"] == "call" else Outcome.ERROR
        outcomes.setdefault(nodeid, Outcome.SKIPPED if skipped else bad)
        if not skipped:
            failures.setdefault(nodeid, _failure(line))
    for nodeid in setup.nodeids:
        if status is None:
            outcomes.setdefault(nodeid, Outcome.TIMEOUT)
        elif os.WIFSIGNALED(status) or os.WEXITSTATUS(status) not in (0, 1, 2, 5):
            outcomes.setdefault(nodeid, Outcome.CRASHED)
    measured = {
        path.stem: tuple(json.loads(text) for text in path.read_text().splitlines() if text.startswith("{"))
        for path in out.glob("*.jsonl")
    }
    shutil.rmtree(root, ignore_errors=True)
    return Observation(outcomes=outcomes, failures=failures, measured=measured, order=setup.nodeids)


def _failure(line: Mapping[str, Any]) -> Failure:
    frames = tuple(
        Frame(
            path=path,
            lineno=number,
            function=name,
            origin="test" if path.startswith("tests/") else "product",
        )
        for path, number, name in line["frames"]
    )
    chain = (Raised(type=line["error"], message=line["message"], frames=frames),)
    return Failure(nodeid=line["nodeid"], phase=line["when"], chain=chain, longrepr=line["message"])

"""A pytest that is forked from a warm one sees what one sees that is a new interpreter."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures import warm_starts
from tests.planted.hostile.api import HostileSuite
from triage.model.run import RunRecord
from triage.process import local

VIEW = """
import atexit, gc, json, os, resource, signal, sys, threading

def view():
    return {
        "folder": os.getcwd(),
        "variables": sorted(item for item in os.environ.items() if item[0] != "TRIAGE_PROCESS"),
        "path": sys.path,
        "arguments": sys.argv,
        "command": sys.orig_argv,
        "flags": list(sys.flags),
        "main": sys.modules["__main__"].__spec__.name,
        "streams": [(s.encoding, s.errors, s.line_buffering) for s in (sys.__stdout__, sys.__stderr__)],
        "descriptors": sorted(int(n) for n in os.listdir("/proc/self/fd"))[:3],
        "inheritable": [n for n in os.listdir("/proc/self/fd") if int(n) > 2 and os.path.exists(f"/proc/self/fd/{n}") and os.get_inheritable(int(n))],
        "signals": {int(s): str(signal.getsignal(s)) for s in signal.valid_signals()},
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "leads its session": os.getsid(0) == os.getpid() == os.getpgid(0),
        "parent of another session": os.getsid(os.getppid()) == os.getppid(),
        "limits": [resource.getrlimit(n) for n in (resource.RLIMIT_CORE, resource.RLIMIT_NOFILE, resource.RLIMIT_AS)],
        "threads": threading.active_count(),
        "umask": os.umask(0o22),
        "collector": [gc.isenabled(), gc.get_threshold(), gc.get_debug()],
        "niceness": os.nice(0),
        "suite's modules": sorted({"shop", "test_view", "conftest"} & set(sys.modules)),
    }

def test_sees():
    with open("%s", "w") as file:
        json.dump(view(), file)

def test_dies():
    os.kill(os.getpid(), signal.SIGSEGV)

def test_exits():
    atexit.register(lambda: open("%s", "a").write("}"))
    os._exit(7)
"""  # noqa: E501 - a suite as text


@pytest.mark.slow
def test_nothing_tells_a_fork_from_a_new_interpreter(
    tmp_path: Path, run_here: Callable[..., RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = warm_starts.WarmStarts()
    seen = tmp_path / "view.json"
    HostileSuite({"test_view.py": VIEW % (seen, seen)}, {}).write(tmp_path / "suite")

    def views(start: Any) -> tuple[dict[str, Any], list[tuple[str, str, Any, Any]]]:
        monkeypatch.setattr(local, "start_supervisor", start)
        record = run_here(isolation="fresh", env={"SHAPE": "round"})
        told = [(r.nodeid, r.outcome.value, r.signal, r.exit_code) for r in record.results]
        return json.loads(seen.read_text()), told

    try:
        views(starts.start_supervisor)  # the second start in an environment is the first fork
        assert starts.forks > 0
        fork = views(starts.start_supervisor)
        new_interpreter = views(starts.start_cold)
    finally:
        starts.close()
    assert {key: view for key, view in fork[0].items() if view != new_interpreter[0][key]} == {}
    assert fork[1] == new_interpreter[1]
    assert fork[1][1:] == [
        ("test_view.py::test_dies", "crashed", "SIGSEGV", None),
        ("test_view.py::test_exits", "crashed", None, 7),
    ]


@pytest.mark.slow
def test_a_server_that_is_killed_costs_nothing(
    tmp_path: Path, run_here: Callable[..., RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = warm_starts.WarmStarts()
    monkeypatch.setattr(local, "start_supervisor", starts.start_supervisor)
    HostileSuite({"test_a.py": "def test_a(): pass\n"}, {}).write(tmp_path / "suite")
    assert run_here(isolation="fresh").counts.passed == 1
    assert starts.forks > 0
    for pid in starts.processes():
        os.kill(pid, 9)
    forks = starts.forks
    assert run_here(isolation="fresh").counts.passed == 1
    assert starts.forks == forks + 1, "of two starts one was a new interpreter, one of a new server"
    starts.close()

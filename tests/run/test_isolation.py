# ruff: noqa: E501 - suites are written as text
"""What chunks share and what they do not: a fork server, or a new interpreter each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.planted.hostile.api import HostileSuite
from triage.model.run import RunRecord

pytestmark = pytest.mark.slow

Run = Callable[..., RunRecord]
STATE = """
import atexit, builtins, locale, logging, os, random, signal, socket, subprocess, sys, threading, time, warnings
import shared

def seen():
    return {
        "environ": dict(sorted((k, v) for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST")),
        "cwd": os.getcwd(), "path": list(sys.path), "umask": (os.umask(0o22), os.umask(0o22))[0],
        "shared": shared.VALUES, "modules": "left_behind" in sys.modules, "builtin": hasattr(builtins, "left"),
        "threads": [t.name for t in threading.enumerate()], "filters": len(warnings.filters),
        "handlers": len(logging.getLogger("x").handlers), "handler": str(signal.getsignal(signal.SIGUSR1)),
        "children": shared.children(),
        "recursion": sys.getrecursionlimit(), "alarm": signal.getitimer(signal.ITIMER_REAL)[0] > 0,
    }

BEFORE = repr(seen())

def test_the_state_is_that_after_collection():
    assert shared.sockets() == 0
    now = repr(seen())
    open(os.environ["SEEN"] + __name__, "w").write(now)
    assert now == BEFORE
    os.environ["LEFT"] = "behind"
    os.umask(0o77)
    sys.path.insert(0, "/left")
    sys.setrecursionlimit(1234)
    shared.VALUES.append(__name__)
    sys.modules["left_behind"] = shared
    builtins.left = 1
    warnings.simplefilter("ignore")
    logging.getLogger("x").addHandler(logging.NullHandler())
    signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 300)
    random.seed(7)
    shared.KEPT.append(subprocess.Popen(["sleep", "300"]))
    shared.KEPT.append(socket.create_server(("127.0.0.1", 0)))
    threading.Thread(target=time.sleep, args=(300,), daemon=True, name="left").start()
    os.chdir("/")
"""
SHARED = """
import os
VALUES, KEPT = [], []
def children():
    return open(f"/proc/self/task/{os.getpid()}/children").read().split()
def sockets():
    links = [os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{n}")]
    return len([link for link in links if link.startswith("socket")])
"""


def test_what_a_chunk_leaves_behind_does_not_reach_the_next(
    tmp_path: Path, run_here: Run, isolation: str
) -> None:
    """Each file first compares its state with that after collection, then leaves all of it changed."""
    files = {f"test_{n}.py": STATE for n in range(3)} | {"shared.py": SHARED}
    HostileSuite(files, {}).write(tmp_path / "suite")
    record = run_here(isolation=isolation, chunks=3, env={"SEEN": str(tmp_path / "seen_")})
    assert record.counts.passed == 3, [f.message for f in record.failures]
    assert len({attempt.chunk for attempt in record.attempts}) == 3
    assert not any("isolation fresh" in note for note in record.notes)
    notes = "; ".join(attempt.note or "" for attempt in record.attempts)
    assert notes.count("1 processes that it left behind were killed") == 3, notes
    if isolation == "warm":
        assert len({path.read_text() for path in tmp_path.glob("seen_*")}) == 1, "the same for all chunks"


@pytest.mark.parametrize(("how", "imports"), [("warm", 1), ("fresh", 6)])
def test_a_fork_server_pays_the_import_once(tmp_path: Path, run_here: Run, how: str, imports: int) -> None:
    note = f"open({str(tmp_path / 'imported')!r}, 'a').write('x')\n"
    files = {f"test_{n}.py": "import heavy\ndef test_a(): pass\n" for n in range(5)} | {"heavy.py": note}
    HostileSuite(files, {}).write(tmp_path / "suite")
    assert run_here(isolation=how, chunks=5).counts.passed == 5
    assert len((tmp_path / "imported").read_text()) == imports


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (
            "import threading, time; threading.Thread(target=time.sleep, args=(30,), daemon=True, name='ticker').start()",
            "a thread runs",
        ),
        ("import socket; S = socket.socketpair()", "a socket was opened"),
        ("import subprocess; P = subprocess.Popen(['sleep', '30'])", "a process was started"),
        ("import asyncio; L = asyncio.new_event_loop()", "during collection"),
        (
            "def pytest_configure(config): pass\ndef pytest_unconfigure(config): pass",
            "pairs pytest_configure",
        ),
    ],
)
def test_an_unfit_suite_gets_new_interpreters_and_is_told_why(
    tmp_path: Path, run_here: Run, code: str, why: str
) -> None:
    files = {
        "conftest.py": code + "\n",
        "test_a.py": "def test_a(): pass\n",
        "test_b.py": "def test_b(): pass\n",
    }
    HostileSuite(files, {}).write(tmp_path / "suite")
    record = run_here(chunks=2)
    assert record.counts.passed == 2
    assert any("isolation fresh instead of warm" in note and why in note for note in record.notes)


def test_the_users_tree_is_left_alone(tmp_path: Path, run_here: Run, isolation: str) -> None:
    files = {
        "pytest.ini": "[pytest]\naddopts = --junitxml=out.xml --basetemp=base --cache-clear --lf\n",
        "test_a.py": "def test_a(tmp_path, cache, pytestconfig):\n    cache.set('k', 1); assert cache.get('k', 0) == 1\n    assert 'base' in str(tmp_path)\n",
        "test_b.py": "def test_b(tmp_path): (tmp_path / 'x').write_text('y')\n",
    }
    HostileSuite(files, {}).write(tmp_path / "suite")
    record = run_here(isolation=isolation, chunks=2, workers=2, env={"PYTHONDONTWRITEBYTECODE": "1"})
    assert record.counts.passed == 2
    assert sorted(p.name for p in (tmp_path / "suite").iterdir()) == [
        "base",
        "pytest.ini",
        "reports",
        "test_a.py",
        "test_b.py",
    ]
    assert any("--junitxml switched off" in note for note in record.notes)


FORKING = """
import os
from _pytest.reports import TestReport
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    child = os.fork()
    if child == 0:
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        os._exit(any(report.failed for report in reports))
    _, status = os.waitpid(child, 0)
    for when in ("setup", "call", "teardown"):
        bad = status != 0 and when == "call"
        report = TestReport(item.nodeid, item.location, {}, "failed" if bad else "passed", "died" if bad else None, when)
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""


@pytest.mark.slow
def test_a_plugin_that_runs_each_test_in_a_child_works(tmp_path: Path, run_here: Run, isolation: str) -> None:
    """A failure cancels the timer of faulthandler, in a child that has no thread of it: that once hung."""
    text = "import os, time\ndef test_a(): pass\ndef test_b(): assert 0\ndef test_c(): os._exit(5)\n"
    text += "def test_d(): pass\ndef test_hang(): os.fork() and time.sleep(60)\n"
    HostileSuite({"conftest.py": FORKING, "test_f.py": text}, {}).write(tmp_path / "suite")
    record = run_here(isolation=isolation, limits={"test_timeout": 4.0})
    found = {r.nodeid.partition("::test_")[2]: r.outcome.value for r in record.results}
    assert found == {"a": "passed", "b": "failed", "c": "failed", "d": "passed", "hang": "timeout"}
    stacks = next((tmp_path / "suite" / "reports").rglob("stacks.txt")).read_text()
    assert "pytest_runtest_protocol" in stacks, "the timer goes on in the parent"


TALKING = """
import os, pathlib, sys, tempfile, time
import shared_file
MEETING = pathlib.Path(os.environ["MEETING"])

def test_{name}():
    print("{name} begins")
    print("{name} complains", file=sys.stderr)
    shared_file.FILE.write(b"{name}")
    MEETING.joinpath("{name}").touch()
    deadline = time.monotonic() + 60
    while not MEETING.joinpath("{other}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert MEETING.joinpath("{other}").exists(), "both run at the same time"
    shared_file.FILE.seek(0)
    assert shared_file.FILE.read() == b"made while collecting, {name}"
    print("{name} ends")
    MEETING.joinpath("{name} ends").touch()
    while not MEETING.joinpath("{other} ends").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    raise RuntimeError("red, so that its output is kept")
"""
SHARED_FILE = """
import tempfile
FILE = tempfile.TemporaryFile(buffering=0)
FILE.write(b"made while collecting, ")
"""


def test_chunks_at_the_same_time_keep_their_output_and_temporary_files_apart(
    tmp_path: Path, run_here: Run
) -> None:
    """pytest captures in temporary files without a name, which forks of one server would share."""
    pair = (("north", "south"), ("south", "north"))
    files = {f"test_{name}.py": TALKING.format(name=name, other=other) for name, other in pair}
    HostileSuite(files | {"shared_file.py": SHARED_FILE}, {}).write(tmp_path / "suite")
    (tmp_path / "meeting").mkdir()
    record = run_here(
        chunks=2, workers=2, env={"MEETING": str(tmp_path / "meeting")}, limits={"test_timeout": 120.0}
    )
    assert not any("isolation fresh" in note for note in record.notes)
    by_name = {failure.nodeid.partition("::test_")[2]: failure for failure in record.failures}
    for name, _ in pair:
        failure = by_name[name]
        assert failure.message == "red, so that its output is kept"
        assert failure.captured.stdout == f"{name} begins\n{name} ends\n"
        assert failure.captured.stderr == f"{name} complains\n"

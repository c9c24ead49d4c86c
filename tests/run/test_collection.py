"""What a collection meets: skips as a whole, folders that hang or raise, nothing to run, accidents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.planted.hostile.api import HostileSuite
from triage.model.outcome import Phase
from triage.model.run import RunRecord

pytestmark = pytest.mark.slow

Run = Callable[..., RunRecord]
SKIPPED_AS_A_WHOLE = {
    "test_level.py": (
        "import pytest\npytest.skip('not on this machine', allow_module_level=True)\n",
        "not on this machine",
    ),
    "test_missing.py": (
        "import pytest\npytest.importorskip('no_such_module_here')\n",
        "could not import 'no_such_module_here'",
    ),
    "test_unit.py": ("import unittest\nraise unittest.SkipTest('no display')\n", "no display"),
}
ONE_TEST = "def test_one(): pass\n"


def test_modules_that_skip_count_as_pytest_counts_them(tmp_path: Path, run_here: Run) -> None:
    files = {name: text + ONE_TEST for name, (text, _) in SKIPPED_AS_A_WHOLE.items()}
    HostileSuite({**files, "test_runs.py": ONE_TEST}, {}).write(tmp_path / "suite")
    record = run_here()
    assert (record.counts.passed, record.counts.skipped, record.counts.collected) == (1, 3, 4)
    assert record.counts.adds_up
    assert record.void is None
    reasons = {result.nodeid: result.note or "" for result in record.results if result.outcome == "skipped"}
    assert reasons.keys() == SKIPPED_AS_A_WHOLE.keys()
    for name, (_, reason) in SKIPPED_AS_A_WHOLE.items():
        assert reason in reasons[name]


@pytest.mark.parametrize(
    ("name", "text", "void"),
    [
        ("readme.txt", "", "no tests were collected"),
        ("test_a.py", ONE_TEST * 2, "no test was planned: the only test was deselected"),
        (
            "test_a.py",
            "import no_such_module_here\n",
            "no test was planned: test_a.py did not collect",
        ),
        (
            "test_level.py",
            SKIPPED_AS_A_WHOLE["test_level.py"][0],
            "no test was planned: test_level.py skipped when collected",
        ),
    ],
    ids=["nothing", "deselected", "import error", "skipped"],
)
def test_an_empty_plan_is_void_with_its_reason(
    tmp_path: Path, run_here: Run, name: str, text: str, void: str
) -> None:
    HostileSuite({name: text}, {}).write(tmp_path / "suite")
    record = run_here(pytest_args=("-k", "nope"), workers=2)
    assert record.void == void
    assert [error.nodeid for error in record.collect_errors] == (
        ["test_a.py"] if "not collect" in void else []
    )
    assert all(error.failures for error in record.collect_errors)
    assert not record.resumable


@pytest.mark.slow
def test_folders_that_hang_or_raise_cost_themselves_alone(tmp_path: Path, run_here: Run) -> None:
    """pytest imports the conftest.py of `test_raises` before its session begins, that of `late` in it."""
    hang = "import time\ntime.sleep(1000)\n"
    files = {
        "late/hangs/conftest.py": hang,
        "late/hangs/test_x.py": ONE_TEST,
        "test_raises/conftest.py": "raise OSError('no licence server')\n",
        "test_raises/test_y.py": ONE_TEST,
        "test_z.py": ONE_TEST
        + "import time\nclass TestBad:\n"
        + "    def pytest_generate_tests(self, metafunc): time.sleep(1000)\n"
        + "    def test_p(self): pass\n",
    }
    HostileSuite(files, {}).write(tmp_path / "suite")
    record = run_here(limits={"test_timeout": 1.5})
    errors = {error.nodeid: error for error in record.collect_errors}
    outcomes = {nodeid: error.outcome.value for nodeid, error in errors.items()}
    assert outcomes == {"late/hangs": "timeout", "test_raises": "error", "test_z.py::TestBad": "timeout"}
    assert {failure.phase for error in errors.values() for failure in error.failures} == {Phase.COLLECT}
    assert errors["test_raises"].failures[0].message == "no licence server"
    assert [(result.nodeid, result.outcome.value) for result in record.results] == [
        ("test_z.py::test_one", "passed")
    ]
    assert record.complete


@pytest.mark.parametrize("how", ["warm", "fresh"])
def test_a_file_is_not_blamed_for_a_kill_while_it_is_collected(
    tmp_path: Path, run_here: Run, how: str
) -> None:
    """The file kills its process at the first import only: as somebody else would."""
    killed = tmp_path / "killed"
    text = f"import os, pathlib\nonce = pathlib.Path({str(killed)!r})\n"
    text += "if not once.exists(): once.touch(); os.kill(os.getpid(), 9)\n"
    HostileSuite({"test_k.py": text + ONE_TEST, "test_z.py": ONE_TEST}, {}).write(tmp_path / "suite")
    record = run_here(isolation=how)
    assert record.counts.passed == 2
    assert record.collect_errors == ()


def test_a_stopped_process_is_no_hang(tmp_path: Path, run_here: Run) -> None:
    """A file that is collected in more than the limit, because its process stood still, is tried alone."""
    stopped = tmp_path / "stopped"
    text = f"""
import os, pathlib, signal, subprocess, sys
once = pathlib.Path({str(stopped)!r})
if not once.exists():
    once.touch()
    subprocess.Popen(["sh", "-c", "sleep 4; kill -CONT %d" % os.getpid()])
    os.kill(os.getpid(), signal.SIGSTOP)
"""
    HostileSuite({"test_s.py": text + ONE_TEST}, {}).write(tmp_path / "suite")
    record = run_here(isolation="fresh", limits={"test_timeout": 1.0})
    assert record.counts.passed == 1
    assert record.collect_errors == ()


KILL_PARENTS = """
import os, pathlib, signal, time
def parent(pid): return int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])
def test_before(): pass
def test_kills():
    once = pathlib.Path(%r)
    if not once.exists():
        once.touch()
        victim = os.getpid()
        for _ in range(%d): victim = parent(victim)
        os.kill(victim, signal.SIGKILL)
        time.sleep(60)
def test_after(): pass
"""


@pytest.mark.cold_starts
@pytest.mark.parametrize(
    ("victim", "generations"), [("chunk", 0), ("supervisor", 1), ("fork server", 2), ("keeper", 3)]
)
def test_machinery_that_is_killed_is_started_again(
    tmp_path: Path, run_here: Run, victim: str, generations: int
) -> None:
    """Each process above a test, killed while the test runs: nobody is blamed, and nothing is missing."""
    text = KILL_PARENTS % (str(tmp_path / "once"), generations)
    HostileSuite({"test_k.py": text, "test_other.py": ONE_TEST}, {}).write(tmp_path / "suite")
    before = _children()
    record = run_here(chunks=2, workers=2)
    assert record.counts.passed == 4, [(result.nodeid, result.note) for result in record.results]
    assert record.void is None
    named = any("test_kills ran: it runs again, alone" in note for note in record.notes)
    # when the fork server dies, its chunk may be begun anew before what ran there is known
    assert named or generations >= 2
    restarted = any("fork server died and was started again" in note for note in record.notes)
    assert restarted == (generations >= 2)
    assert _children() <= before, "nothing is left behind"


def _children() -> set[int]:
    """Return the processes below this one."""
    return {process.pid for process in psutil.Process().children(recursive=True)}

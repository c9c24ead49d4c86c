"""Whatever a test prints is text; a process that died names the test that ran."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from triage.formats.pytest_log_lines import Kind, mark_of, width_of
from triage.model.run import RunRecord

Take = Callable[..., RunRecord]

PRINTS = """
import subprocess, sys, pytest

INNER = "def test_one(): assert 0, 'inner'\\ndef test_parts(): assert 0, 'inner'\\ndef test_two(): pass\\n"

def inner(tmp_path, *options):
    (tmp_path / "test_inner.py").write_text(INNER)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, "test_inner.py"]
    print(subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout)

def test_parts():
    print("=== Part one ===")
    for title in (" Part two ", " FAILURES ", " ERRORS ", " warnings summary ", " short test summary info "):
        print(title.center(80, "="))
    print(" test_ghost ".center(80, "_"))
    print(" Interrupted: by nobody ".center(80, "!"))
    print(" a stream ".center(80, "-"))
    print("FAILED test_it.py::test_ghost - ValueError: ghost")
    print("test_it.py::test_ghost FAILED   [ 10%]")
    print(" 5 passed in 0.10s ".center(80, "="))
    print("5 passed in 0.10s")
    assert 1 == 2, "=== odd ==="

def test_runs_pytest(tmp_path):
    inner(tmp_path, "-v")
    assert 0, "outer"

def test_runs_quietly(tmp_path):
    inner(tmp_path, "-q")
    assert 0, "outer"

def test_last():
    print(" Part three ".center(80, "="))
    assert 3 == 4

def test_fine(tmp_path):
    print(" FAILURES ".center(80, "="))

@pytest.fixture
def broken(): raise RuntimeError("no fixture")

def test_setup(broken): pass
"""


def session(folder: Path, suite: str, *options: str) -> str:
    (folder / "test_it.py").write_text(suite)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env={"PATH": os.defpath, "COLUMNS": "80", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        timeout=120,
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


def outcomes(record: RunRecord) -> dict[str, str]:
    found = {result.nodeid: result.outcome.value for result in record.results}
    assert len(found) == len(record.results)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("options", [("-v",), ("-q",), ("-rA",), ("-v", "-rN")], ids=" ".join)
def test_what_tests_print_is_no_structure(take: Take, tmp_path: Path, options: tuple[str, ...]) -> None:
    record = take(session(tmp_path, PRINTS, *options))
    red = {nodeid: outcome for nodeid, outcome in outcomes(record).items() if outcome != "passed"}
    assert red == {
        "test_it.py::test_parts": "failed",
        "test_it.py::test_runs_pytest": "failed",
        "test_it.py::test_runs_quietly": "failed",
        "test_it.py::test_last": "failed",
        "test_it.py::test_setup": "error",
    }
    failures = {failure.nodeid.rpartition("::")[2]: failure for failure in record.failures}
    assert len(record.failures) == 5
    assert [failures[name].message.partition("\n")[0] for name in ("test_parts", "test_runs_pytest")] == [
        "=== odd ===",
        "outer",
    ]
    assert "=== Part one ===" in failures["test_parts"].captured.stdout
    assert "5 passed in 0.10s" in failures["test_parts"].captured.stdout
    assert record.complete


DIES = "import os\ndef test_a(): pass\ndef test_b(): os._exit(3)\ndef test_c(): pass\n"


def test_a_log_that_os_exit_cut_names_who_was_running(take: Take, tmp_path: Path) -> None:
    log = session(tmp_path, DIES, "-v")
    for shown in (log, f"{log}\nmake: *** [test] Error 3\n", log.replace("::test_b ", "::test_b\n")):
        record = take(shown)
        assert outcomes(record) == {"test_it.py::test_a": "passed", "test_it.py::test_b": "crashed"}
        assert not record.complete
    cut_in_a_name = log[: log.index("test_b") + 5]
    assert outcomes(take(cut_in_a_name)) == {"test_it.py::test_a": "passed"}, "`test_` is no test"


@pytest.mark.slow
def test_a_worker_that_died_leaves_no_phantom(take: Take, tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    record = take(session(tmp_path, DIES, "-v", "-p", "xdist", "-n1"))
    assert outcomes(record) == {
        "test_it.py::test_a": "passed",
        "test_it.py::test_b": "crashed",
        "test_it.py::test_c": "passed",
    }
    assert record.complete


HEADER = """============================= test session starts ==============================
platform linux -- Python 3.11.7, pytest-9.2.0, pluggy-1.7.0
rootdir: /srv/shop
collected 3 items

"""
TIMED_OUT = """+++++++++++++++++++++++++++++++++++ Timeout ++++++++++++++++++++++++++++++++++++
~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~ Captured stdout ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
waiting
~~~~~~~~~~~~~~~~~~~~~~~ Stack of watcher (140289166177984) ~~~~~~~~~~~~~~~~~~~~~~~
  File "/usr/lib/python3.11/threading.py", line 982, in run
~~~~~~~~~~~~~~~~~~~~~~ Stack of MainThread (140289196406656) ~~~~~~~~~~~~~~~~~~~~~~
  File "/srv/shop/.venv/lib/python3.11/site-packages/_pytest/python.py", line 187, in pytest_pyfunc_call
    result = testfunction(**testargs)
  File "/srv/shop/tests/test_a.py", line 4, in test_b
    wait()
  File "/srv/shop/shop/stock.py", line 9, in wait
    time.sleep(30)
+++++++++++++++++++++++++++++++++++ Timeout ++++++++++++++++++++++++++++++++++++
"""
SEGFAULT = """Fatal Python error: Segmentation fault

Thread 0x00007f39b94bc6c0 (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 982 in run

Current thread 0x00007f39bb5c8b80 (most recent call first):
  File "/srv/shop/shop/stock.py", line 9 in wait
  File "/srv/shop/tests/test_a.py", line 4 in test_b
"""


@pytest.mark.parametrize(("end", "outcome"), [(TIMED_OUT, "timeout"), (SEGFAULT, "crashed")])
@pytest.mark.parametrize("verbose", [True, False])
def test_a_process_that_says_how_it_ends(take: Take, end: str, outcome: str, verbose: bool) -> None:
    progress = "tests/test_a.py ."
    if verbose:
        progress = "tests/test_a.py::test_a PASSED    [ 33%]\ntests/test_a.py::test_b "
    record = take(HEADER + progress + end)
    named = outcomes(record)
    assert named.pop("tests/test_a.py::test_a", "passed") == "passed"
    assert named == {"tests/test_a.py::test_b": outcome}
    (failure,) = record.failures
    assert [frame.path for frame in failure.chain[0].frames][-2:] == ["tests/test_a.py", "shop/stock.py"]
    assert not record.complete


def test_a_stack_names_the_test_of_a_class_where_the_suite_was_collected(take: Take) -> None:
    record = take(f"{HEADER}tests/test_a.py .{SEGFAULT}", collected=("tests/test_a.py::TestB::test_b",))
    assert outcomes(record) == {"tests/test_a.py::TestB::test_b": "crashed"}


def test_words_of_dying_that_a_test_prints_end_nothing(take: Take) -> None:
    lines = (
        "tests/test_a.py::test_a Fatal Python error: not really\nPASSED\n"
        "tests/test_a.py::test_b PASSED\ntests/test_a.py::test_c PASSED\n\n"
    )
    record = take(HEADER + lines + line_of_totals("3 passed in 0.10s"))
    assert set(outcomes(record).values()) == {"passed"}
    assert record.counts.collected == 3
    assert record.complete


def test_what_the_header_counts_must_be_in_the_totals(take: Take) -> None:
    lines = f"t.py::test_a PASSED\nt.py::test_b PASSED\n\n{line_of_totals('2 passed in 0.10s')}"
    record = take(HEADER + lines)
    assert "1 test is missing: it counts 3 and shows 2" in (record.void or "")
    deselected = HEADER.replace("collected 3 items", "collected 3 items / 1 deselected / 2 selected")
    assert take(deselected + lines).complete


def test_reruns_and_subtests_of_a_verbose_log(take: Take) -> None:
    lines = (
        "t.py::test_a RERUN            [ 33%]\nt.py::test_a PASSED           [ 33%]\n"
        "t.py::test_b SUBPASSED(i=0)   [ 66%]\nt.py::test_b PASSED           [ 66%]\n"
        "t.py::test_c RERUN            [100%]\nt.py::test_c FAILED           [100%]\n"
        "t.py::test_ghost PASSED\n"
        "=========================== short test summary info ============================\n"
        "FAILED t.py::test_c - ValueError: bad\n"
    )
    record = take(HEADER + lines + line_of_totals("1 failed, 2 passed, 1 subtests passed, 2 rerun in 0.05s"))
    assert outcomes(record) == {"t.py::test_c": "failed", "t.py::test_a": "flaky", "t.py::test_b": "passed"}


def test_two_sessions_in_one_log_are_both_read(take: Take) -> None:
    first = "t.py::test_a PASSED\nt.py::test_b PASSED\nt.py::test_c FAILED\n"
    second = first.replace("FAILED", "PASSED")
    log = f"{HEADER}{first}{line_of_totals('1 failed, 2 passed in 0.10s')}{HEADER}{second}"
    record = take(f"{log}{line_of_totals('3 passed in 0.10s')}")
    assert outcomes(record) == {"t.py::test_a": "passed", "t.py::test_b": "passed", "t.py::test_c": "failed"}
    assert record.complete


def line_of_totals(words: str) -> str:
    fill = "=" * ((80 - len(words) - 2) // 2)
    line = f"{fill} {words} {fill}"
    return f"{line}=\n" if len(line) < 80 else f"{line}\n"


def test_headings_are_as_long_as_the_terminal_is_wide() -> None:
    heading = "============================= test session starts =============================="
    mark = mark_of(0, heading)
    assert mark is not None
    assert (mark.kind, mark.title, width_of([mark])) == (Kind.SECTION, "test session starts", 80)
    printed = mark_of(1, "=== Part one ===")
    assert printed is not None
    assert not printed.fits(80)
    assert mark_of(2, "==== odd =") is None
    totals = mark_of(3, "12 passed, 6 subtests passed in 0.3s")
    assert totals is not None
    assert totals.kind is Kind.TOTALS

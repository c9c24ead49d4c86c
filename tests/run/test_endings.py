"""How a run ends: by a signal, by an error, on another commit; its results are there, and it can go on."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.projects import WITH_FOREIGN_PLUGINS
from tests.planted.hostile.api import HostileSuite
from tests.planted.lab import PATIENCE, Lab, expected, outcomes
from triage.errors import UsageError, VoidError
from triage.evidence.folder import EvidenceFolder
from triage.model.outcome import Phase
from triage.model.run import RunRecord
from triage.run.unfinished import read_unfinished

pytestmark = pytest.mark.slow

Run = Callable[..., RunRecord]
ONE_TEST = "def test_one(): pass\n"


def record_in(folder: Path) -> RunRecord:
    return RunRecord.model_validate_json((folder / "results.json").read_bytes())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_what_is_known_when_a_signal_comes_is_on_record(lab: Lab, number: signal.Signals) -> None:
    """After SIGKILL there is no `results.json`: the same comes from the record."""
    lab.write(count=40)
    # under nohup, children ignore SIGHUP
    process = lab.start(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))
    lab.wait_for(20)
    process.send_signal(number)
    process.communicate(timeout=PATIENCE)
    assert lab.all_gone()
    if number is signal.SIGKILL:
        assert not (lab.folder / "results.json").exists()
        record = read_unfinished(EvidenceFolder(lab.folder), lab.root, "it was killed")
        assert record.void == "it was killed"
    else:
        record = record_in(lab.folder)
        assert record.void == f"the run was interrupted by {number.name}"
    known = {result.nodeid: result.outcome.value for result in record.results}
    assert known.keys() == expected(2, 40).keys()
    ran = {nodeid: outcome for nodeid, outcome in known.items() if outcome != "not_run"}
    assert ran, "what ran a moment before may still have been on its way"
    assert ran.items() <= expected(2, 40).items()
    assert record.resumable
    assert not record.complete
    assert not (lab.folder / "manifest.json").exists()


def test_a_run_that_cannot_collect_says_so_and_goes_on_when_it_can(
    tmp_path: Path, run_here: Run, evidence: Callable[[], Path]
) -> None:
    suite = HostileSuite({"conftest.py": "raise OSError('no licence')\n", "test_a.py": ONE_TEST}, {})
    suite.write(tmp_path / "suite")
    with pytest.raises(VoidError, match="collection-failed"):
        run_here()
    record = record_in(evidence())
    assert "no licence" in (record.void or "")
    assert [error.nodeid for error in record.collect_errors] == ["."]
    assert record.resumable
    (tmp_path / "suite" / "conftest.py").write_text("")
    again = run_here(resume=evidence())
    assert (again.counts.passed, again.void, again.collect_errors) == (1, None, ())


def test_tests_that_no_process_could_run_are_open_for_a_resumed_run(
    tmp_path: Path, run_here: Run, evidence: Callable[[], Path]
) -> None:
    """Its conftest.py ends each process that would run a test, until a file is there."""
    mended = tmp_path / "mended"
    conftest = f"""
import os
def pytest_runtest_protocol(item):
    if not os.path.exists({str(mended)!r}): os._exit(7)
def pytest_collection_finish(session):
    if not os.path.exists({str(mended)!r}) and "once" in os.environ: os._exit(7)
def pytest_runtestloop(session):
    if not os.path.exists({str(mended)!r}): os._exit(7)
"""
    HostileSuite({"conftest.py": conftest, "test_a.py": ONE_TEST}, {}).write(tmp_path / "suite")
    record = run_here(isolation="fresh")
    assert record.void is not None
    assert "no test could be started: ended with exit code 7" in record.void
    assert record.resumable
    mended.touch()
    assert run_here(resume=evidence()).counts.passed == 1


TEARDOWNS = """
import os, time, pytest
@pytest.fixture
def dies():
    yield
    os._exit(3)
@pytest.fixture
def hangs():
    yield
    time.sleep(1000)
@pytest.fixture
def fails(dies): raise LookupError("in setup")
def test_dies(dies): raise ValueError("in the call")
def test_setup(fails): pass
@pytest.mark.xfail(strict=True)
def test_strict(dies): pass
def test_hangs(hangs): raise ValueError("in the call")
"""


def test_a_failure_before_a_deadly_teardown_is_on_record(tmp_path: Path, run_here: Run) -> None:
    """The last of them is the last test of its process, whose teardown goes in two steps."""
    HostileSuite({"test_t.py": TEARDOWNS}, {}).write(tmp_path / "suite")
    record = run_here(limits={"test_timeout": 1.5}, reruns=0)
    found = {}
    for result in record.results:
        failures = [(failure.phase, failure.exception) for failure in result.failures]
        found[result.nodeid.partition("::test_")[2]] = (result.outcome.value, failures)
    crashed = (Phase.TEARDOWN, "Crashed")
    assert found["dies"] == ("crashed", [(Phase.CALL, "ValueError"), crashed])
    assert found["setup"] == ("crashed", [(Phase.SETUP, "LookupError"), crashed])
    assert found["strict"][0] == "crashed"
    assert [phase for phase, _ in found["strict"][1]] == [Phase.CALL, Phase.TEARDOWN]
    assert found["hangs"] == ("timeout", [(Phase.CALL, "ValueError"), (Phase.TEARDOWN, "Timeout")])


def git(root: Path, *words: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True)


def test_a_checkout_that_changes_during_the_run_is_said(
    tmp_path: Path, run_here: Run, evidence: Callable[[], Path]
) -> None:
    root = tmp_path / "suite"
    HostileSuite({"test_a.py": ONE_TEST, "data.txt": "1\n", ".gitignore": "reports\n"}, {}).write(root)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    assert run_here().notes == ()

    (root / "test_a.py").write_text(
        "def test_one(): [open(n, 'w').write('22') for n in ('data.txt', 'new.txt')]\n"
    )
    git(root, "commit", "-qam", "two")
    record = run_here(stamp="20260101T000000Z")
    assert record.void is None
    assert record.notes == ("the checkout changed while the tests ran: data.txt",)

    commit = "import subprocess\ndef test_one():\n"
    commit += "    words = ['git', '-c', 'user.name=t', '-c', 'user.email=t@e', 'commit', '-qam', 'three']\n"
    commit += "    subprocess.run(words, check=True)\n"
    (root / "test_a.py").write_text(commit)
    record = run_here(stamp="20260101T000001Z")
    assert (record.void or "").startswith("the checkout changed while the tests ran: ")
    assert record.counts.passed == 1
    assert not record.resumable

    with pytest.raises(UsageError, match="other-commit"):
        run_here(resume=root / "reports" / "t" / "phase_a" / "20260101T000001Z")


def test_durations_come_from_a_clock_that_nobody_turns(
    tmp_path: Path, run_here: Run, evidence: Callable[[], Path]
) -> None:
    pytest.importorskip("pytest_jsonreport")
    text = "import time\ndef test_a(): time.time = lambda: 0.0\ndef test_b(): pass\n"
    HostileSuite({"test_t.py": text}, {}).write(tmp_path / "suite")
    record = run_here(env=WITH_FOREIGN_PLUGINS)
    report = json.loads(next(evidence().rglob("report.json")).read_text())
    assert report["triage"]["made_from"] == "pytest-json-report"
    assert 0 <= report["duration"] < PATIENCE
    stages = [test[stage] for test in report["tests"] for stage in ("setup", "call", "teardown")]
    assert all(0 <= stage["duration"] < PATIENCE for stage in stages)
    assert 0 <= record.seconds < PATIENCE


def test_a_resumed_run_knows_how_processes_ended_and_collects_anew(
    tmp_path: Path, run_here: Run, evidence: Callable[[], Path]
) -> None:
    text = "import os\ndef test_a(): os.abort()\ndef test_b(): pass\n"
    skipped = "import pytest\npytest.skip('why', allow_module_level=True)\n"
    HostileSuite({"test_t.py": text, "test_s.py": skipped}, {}).write(tmp_path / "suite")
    before = run_here(reruns=0)
    shutil.rmtree(evidence() / "chunks")
    (evidence() / "results.json").unlink()
    after = run_here(resume=evidence(), reruns=0)
    assert outcomes(after.model_dump(mode="json")) == outcomes(before.model_dump(mode="json"))
    assert [attempt.ended for attempt in after.attempts] == [attempt.ended for attempt in before.attempts]
    assert len(after.results) == 3

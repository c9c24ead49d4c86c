"""What an experiment knows of a suite that does not collect as a whole."""

from __future__ import annotations

import pytest

from tests.fixtures.projects import NO_FOREIGN_PLUGINS
from tests.run.conftest import make_world
from triage.campaign.recorded_order import RecordedIn
from triage.lab.collect import UNRECORDED_SECONDS, collect, limits_for_collection
from triage.lab.environment import Environment
from triage.model.outcome import Outcome
from triage.model.run import Limits, RunRecord, TestResult
from triage.process.local import LocalExecutor


def collected(tree, folder, *selectors, **more):
    world = make_world()
    executor = LocalExecutor(world=world)
    environment = Environment(
        executor=executor, world=world, variables=NO_FOREIGN_PLUGINS, python=None,
        pytest_args=(), import_path=(),
    )  # fmt: skip
    found = collect(tree, folder, selectors=selectors, environment=environment, limits=Limits(), **more)
    executor.close()
    return found


def test_a_file_that_ends_the_process_is_left_out_also_where_it_is_named(tmp_path):
    (tmp_path / "test_ends.py").write_text("import os\nos._exit(0)\ndef test_a(): pass\n")
    (tmp_path / "test_fine.py").write_text("def test_b(): pass\n")
    linked = tmp_path / "link"
    linked.symlink_to(tmp_path)
    for selectors in (("test_ends.py", "test_fine.py"), ("test_fine.py", "test_ends.py::test_a")):
        found = collected(linked, tmp_path / "out" / selectors[0], *selectors)
        assert found.tests == ("test_fine.py::test_b",)
        assert set(found.broken) == {"test_ends.py"}


def test_a_named_file_that_ends_the_process_may_be_all_there_is(tmp_path):
    (tmp_path / "test_ends.py").write_text("import os\nos._exit(0)\n")
    found = collected(tmp_path, tmp_path / "out", "test_ends.py")
    assert found.tests == ()
    assert set(found.broken) == {"test_ends.py"}


def test_files_that_end_the_process_are_left_out_and_named(tmp_path):
    tree = tmp_path / "suite"
    tree.mkdir()
    (tree / "test_ends.py").write_text("import os\nos._exit(0)\n")
    (tree / "test_dies.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    (tree / "test_raises.py").write_text("import nowhere_to_be_found\n")
    (tree / "test_fine.py").write_text("def test_it():\n    pass\n")
    found = collected(tree, tmp_path / "out")
    assert found.tests == ("test_fine.py::test_it",)
    assert set(found.broken) == {"test_ends.py", "test_dies.py", "test_raises.py"}
    assert "exit code 0" in found.broken["test_ends.py"]


@pytest.mark.slow
def test_a_file_that_nobody_saw_hang_is_given_up_after_a_bounded_time(tmp_path):
    (tmp_path / "test_hangs.py").write_text("import time\ntime.sleep(10_000)\ndef test_a(): pass\n")
    (tmp_path / "test_fine.py").write_text("def test_b(): pass\n")
    found = collected(tmp_path, tmp_path / "out", import_seconds=3.0)
    assert found.tests == ("test_fine.py::test_b",)
    assert set(found.broken) == {"test_hangs.py"}


@pytest.mark.parametrize(
    ("test_timeout", "import_seconds", "expected"),
    [(2.0, None, 120.0), (300.0, None, 300.0), (300.0, UNRECORDED_SECONDS, 30.0), (None, 60.0, 60.0)],
)
def test_an_import_without_a_record_has_a_limit_of_its_own(test_timeout, import_seconds, expected):
    limits = limits_for_collection(Limits(test_timeout=test_timeout), import_seconds)
    assert limits.test_timeout == expected


def test_files_that_a_run_saw_hang_are_not_tried_until_they_are_written(tmp_path):
    (tmp_path / "test_hangs.py").write_text("import time\ntime.sleep(10_000)\n")
    (tmp_path / "test_raises.py").write_text("import nowhere_to_be_found\n")
    errors = (
        TestResult(nodeid="test_hangs.py", outcome=Outcome.TIMEOUT, note="hung while collecting"),
        TestResult(nodeid="test_raises.py", outcome=Outcome.ERROR),
        TestResult(nodeid="test_gone.py", outcome=Outcome.CRASHED),
    )

    def killers(stamp):
        run = RunRecord(stamp=stamp, campaign="c", root="/r", complete=True, collect_errors=errors)
        return RecordedIn(run, tmp_path).collection_killers(tmp_path)

    assert killers("20991231T235959Z") == {"test_hangs.py": "hung while collecting in 20991231T235959Z"}
    assert killers("20010101T000000Z") == {}

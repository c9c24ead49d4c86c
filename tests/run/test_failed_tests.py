"""A run of what was red: which tests, which files pytest collects, what the run can and cannot say."""

from __future__ import annotations

import pytest

from tests.fixtures.projects import NO_FOREIGN_PLUGINS, make_project, project
from triage.cluster.registry import outcomes_of
from triage.model.outcome import Outcome
from triage.model.run import FailedTests, Limits, Plan, RerunHint, Reruns, RunRecord, TestResult
from triage.run.collection import Collected
from triage.run.failed_tests import failed_tests, only_failed, selectors_of, why_unanswered
from triage.run.grouping import Item

__all__ = ["make_project", "project"]
FIRST, SECOND = "20260101T000000Z", "20260102T000000Z"


def result(nodeid: str, outcome: Outcome, hint: RerunHint | None = None) -> TestResult:
    reruns = Reruns(runs=2, failed=1, hint=hint) if hint is not None else None
    return TestResult(nodeid=nodeid, outcome=outcome, reruns=reruns)


def record(stamp: str, *results: TestResult, errors=(), failed: FailedTests | None = None) -> RunRecord:
    plan = Plan(chunks=(), limits=Limits(), durations_from="history", failed=failed)
    return RunRecord(
        stamp=stamp, campaign="c", root="/r", complete=True, results=results, collect_errors=errors, plan=plan
    )


WHOLE = record(
    FIRST,
    result("a.py::fails", Outcome.FAILED),
    result("a.py::crashes", Outcome.CRASHED),
    result("a.py::hangs", Outcome.TIMEOUT),
    result("a.py::chance", Outcome.FLAKY),
    result("a.py::green", Outcome.PASSED),
    result("a.py::expected", Outcome.XFAILED),
    result("b.py::victim", Outcome.FAILED, RerunHint.NEEDS_OTHERS),
    result("b.py::matrix @ py310", Outcome.ERROR),
    errors=(result("broken.py", Outcome.ERROR),),
)


def test_everything_red_is_wanted_and_nothing_else():
    found = failed_tests(WHOLE)
    assert found.nodeids == (
        "broken.py", "a.py::fails", "a.py::crashes", "a.py::hangs", "a.py::chance", "b.py::victim",
        "b.py::matrix",
    )  # fmt: skip
    assert (found.tests, found.need_others, found.stamps) == (8, ("b.py::victim",), (FIRST,))


def test_files_that_are_gone_are_not_asked_for(tmp_path):
    (tmp_path / "a.py").touch()
    assert selectors_of(failed_tests(WHOLE), tmp_path) == ("a.py",)
    root_error = FailedTests(stamp=FIRST, nodeids=("a.py::x", "."), tests=2)
    assert selectors_of(root_error, tmp_path) == (), "the root itself did not collect: everything"


def test_what_was_collected_is_cut_down_and_what_is_missing_is_said():
    ids = ["a.py::fails", "a.py::green", "a.py::chance", "broken.py::inside", "b.py::victim"]
    collected = Collected(
        keys=[(nodeid, 0) for nodeid in ids],
        items=[Item(nodeid, nodeid.partition("::")[0]) for nodeid in ids],
        lines={(nodeid, 0): 1 for nodeid in ids},
        paths=[f"/r/{nodeid}" for nodeid in ids],
    )
    kept = only_failed(collected, failed_tests(WHOLE))
    assert [item.nodeid for item in kept.items] == [
        "a.py::fails", "a.py::chance", "broken.py::inside", "b.py::victim",
    ]  # fmt: skip
    assert len(kept.keys) == len(kept.paths) == len(kept.lines) == 4
    scope, gone, victim = kept.notes
    assert scope == f"only what was red in {FIRST} runs: 4 of its 8 tests"
    assert "a.py::crashes, a.py::hangs, b.py::matrix" in gone
    assert "b.py::victim" in victim


def test_a_pass_without_the_tests_that_it_needs_to_fail_is_no_answer():
    failed = failed_tests(WHOLE)
    passed = record(
        SECOND, result("b.py::victim", Outcome.PASSED), result("a.py::fails", Outcome.PASSED), failed=failed
    )
    assert passed.unanswered == ("b.py::victim",)
    assert outcomes_of(passed) == {"b.py::victim": Outcome.NOT_RUN, "a.py::fails": Outcome.PASSED}
    assert "only the whole suite can tell" in (why_unanswered(passed) or "")
    red = record(
        SECOND, result("b.py::victim", Outcome.PASSED), result("a.py::fails", Outcome.FAILED), failed=failed
    )
    assert why_unanswered(red) is None
    again = failed_tests(red)
    assert again.nodeids == ("b.py::victim", "a.py::fails")
    assert (again.need_others, again.stamps) == (("b.py::victim",), (FIRST, SECOND))


@pytest.mark.slow
def test_a_second_run_of_what_is_red_does_not_turn_green_by_itself(project):
    project.file("test_x.py", "def test_bug():\n    assert 1 == 2\n\ndef test_green():\n    pass\n")
    calm = ("--reruns", "0", "--look-budget", "0")
    assert project.triage("run", *calm, **NO_FOREIGN_PLUGINS).code == 1
    again = project.triage("run", "--last-failed", "--json", *calm, **NO_FOREIGN_PLUGINS)
    assert (again.code, again.json["counts"]["collected"]) == (1, 1)
    assert [cluster["state_in_run"] for cluster in again.json["clusters"]] == ["new"]
    project.file("test_x.py", "def test_bug():\n    assert 1 == 1\n\ndef test_green():\n    pass\n")
    mended = project.triage("run", "--failed", again.json["failed_of"], *calm, **NO_FOREIGN_PLUGINS)
    assert mended.code == 0
    assert "fixed  C1: every test passed; triage verify C1 closes it" in mended.out
    assert "no other test ran" in mended.out.splitlines()[-1]
    assert project.triage("check").code == 0, project.triage("check").out
    nothing = project.triage("run", "--last-failed", "--json")
    assert (nothing.code, nothing.json["exit_code"]) == (0, 0)
    assert project.triage("run", "--last-failed", "test_x.py").code == 2

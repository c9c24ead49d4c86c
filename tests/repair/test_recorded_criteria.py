"""Which criteria follow from the runs that show a cluster red; nothing is run here."""

from __future__ import annotations

import pytest

from triage.config import Settings
from triage.evidence.folder import EvidenceFolder
from triage.lab.collect import Collected
from triage.model.failure import present_name, surroundings_of
from triage.model.outcome import Outcome
from triage.model.rate import FlakyRecord
from triage.model.recorded_criteria import RecordedFailure
from triage.model.run import Chunk, Limits, Plan, Reruns, RunRecord, TestResult
from triage.repair.recorded_criteria import RecordedGround, derive
from triage.repair.recorded_failures import FailingRun, FoundFailure
from triage.repair.tree_change import PresentTree
from triage.run.environment import Checkout

STAMP = "20260101T000000Z"
SUITE = ("a.py::one", "a.py::two", "b.py::red", "b.py::four", "b.py::new")
RUN_ORDER = ("a.py::gone", "a.py::two", "a.py::one", "b.py::red", "b.py::four")


@pytest.fixture
def criteria(tmp_path):
    """criteria(red, ...): by name, of a cluster whose tests are `red` in one run of `order`."""

    def made(red, order=RUN_ORDER, *, suite=SUITE, reruns=None, records=None, planned=True, also_red=()):
        chunk = "chunk_01" if planned else None
        results = tuple(
            TestResult(
                nodeid=nodeid,
                outcome=Outcome.FAILED if nodeid in (*red, *also_red) else Outcome.PASSED,
                chunk=chunk,
                attempt=1 if planned else None,
                reruns=reruns if nodeid in red else None,
            )
            for nodeid in order
        )
        plan = Plan(
            chunks=(Chunk(name="chunk_01", nodeids=order),), limits=Limits(), durations_from="manifest"
        )
        record = RunRecord(
            stamp=STAMP,
            campaign="c",
            root="/r",
            complete=True,
            results=results,
            plan=plan if planned else None,
        )
        run = FailingRun(EvidenceFolder(tmp_path / STAMP), record, ())
        ground = RecordedGround(
            cluster="C1",
            title="t",
            found=tuple(_found(run, result) for result in results if result.nodeid in red),
            unseen=(),
            collected=Collected(suite, {}),
            new_name=lambda nodeid: None,
            settings=Settings(),
            environ={},
            records=records or {},
        )
        tree = PresentTree(tmp_path, tmp_path, None, Checkout(why="no git"))
        folder = EvidenceFolder(tmp_path / "20260102T000000Z")
        derived = derive(ground, tree, folder, "reports/c/phase_d/20260102T000000Z")
        return {criterion.name: criterion for criterion in derived.criteria}

    return made


def _found(run, result):
    failure = RecordedFailure(
        nodeid=present_name(result.nodeid),
        recorded_as=result.nodeid,
        run="results.json",
        stamp=STAMP,
        outcome=result.outcome,
        runs=result.executions,
        failed=result.failed_executions,
        chunk=result.chunk,
        attempt=result.attempt,
        surroundings=surroundings_of(result.nodeid),
    )
    return FoundFailure(failure, result, run)


def test_a_test_is_asked_alone_in_its_place_and_with_its_chunk(criteria):
    found = criteria(["b.py::red"], also_red=["a.py::one"])
    assert list(found) == [
        "red-before", "members", "change", "tests", "alone", "in-place", "chunk", "ledgers",
    ]  # fmt: skip
    assert found["alone"].nodeids == ("b.py::red",)
    assert found["in-place"].nodeids == ("a.py::two", "a.py::one", "b.py::red"), "as they ran, not as listed"
    assert "1 of these no longer in the suite" in found["in-place"].text
    assert found["chunk"].nodeids == ("a.py::two", "a.py::one", "b.py::red", "b.py::four", "b.py::new")
    assert found["chunk"].tolerated == ("a.py::one",), "red before for another reason"


def test_what_ran_first_in_its_process_has_no_other_place(criteria):
    assert "in-place" not in criteria(["a.py::one"], ("a.py::one", "a.py::two"))


def test_without_a_plan_the_place_of_a_test_is_its_file(criteria):
    found = criteria(["b.py::four"], planned=False)
    assert found["in-place"].nodeids == ("b.py::red", "b.py::four")


@pytest.mark.parametrize(
    ("reruns", "record", "runs"),
    [
        (None, None, 4),  # steady, as far as is known: 4 of 4 against 0 of 4
        (Reruns(runs=2, failed=2), None, 4),
        (Reruns(runs=2, failed=0), None, 8),  # 1 of 3: (2/3)^8 < 5 %
        (Reruns(runs=9, failed=0), None, 29),  # 1 of 10
        (None, FlakyRecord(runs=20, failed=1), 59),  # the history knows a lower rate
        (None, FlakyRecord(runs=1000, failed=1), 100),  # no more than a criterion may take
    ],
)
def test_a_test_passes_as_often_as_its_recorded_rate_asks_for(criteria, reruns, record, runs):
    records = {"b.py::red": record} if record is not None else {}
    found = criteria(["b.py::red"], reruns=reruns, records=records)
    assert (found["alone"].runs, found["in-place"].runs) == (runs, runs)


def test_several_tests_run_apart_while_they_are_few(criteria):
    few = criteria(["a.py::one", "b.py::red"])
    assert few["alone"].apart
    many = [f"m.py::test_{number}" for number in range(13)]
    assert not criteria(many, tuple(many), suite=tuple(many))["alone"].apart


def test_a_matrix_is_one_test_here(criteria):
    order = ("b.py::red @ py310", "b.py::red @ py312")
    found = criteria(order, order, planned=False)
    assert found["alone"].nodeids == ("b.py::red",)
    assert "in-place" not in found

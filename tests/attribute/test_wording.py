"""What a joint search says of a cause, and how sure it is of it."""

from __future__ import annotations

from triage.attribute.causes import FoundCause
from triage.attribute.commit_stage import BrokenSince
from triage.attribute.confirm import Judged
from triage.attribute.wording import confidence_of, summary_of
from triage.lab.protocol import Experiment, Setup
from triage.model.experiment import ExperimentResult, Factor, Status, Tally
from triage.text.hunks import Hunk

LINES = Hunk("shop.py", first=2, last=2, old_first=2, before=("return 2\n",), after=("return 3\n",))
SINCE = BrokenSince(good="a" * 40, bad=None, entries=(), is_confirmed=True)
REVERTED = Factor(kind="hunk", name="shop.py:2-2", from_="head", to="reverted")


def found(*tests: str, is_proven: bool) -> FoundCause:
    experiment = Experiment(
        probe="hunks",
        factor=REVERTED,
        prediction="they pass",
        baseline=Setup(nodeids=("t.py::a", "t.py::b")),
        treated=Setup(nodeids=("t.py::a", "t.py::b")),
        watch=("t.py::a", "t.py::b"),
    )
    result = ExperimentResult(
        probe="hunks",
        factor=REVERTED,
        prediction="they pass",
        status=Status.CONFIRMED,
        baseline=Tally(runs=4, failed=4),
        treated=Tally(runs=4, failed=0),
        p_value=0.014,
    )
    judged = (Judged(experiment, result),)
    return FoundCause(tests, frozenset({LINES}), (), SINCE, is_proven=is_proven, judged=judged)


def test_a_confirmed_reversal_is_told_of_the_tests_that_are_left_too() -> None:
    """A test that has another cause as well leaves the cause behind its experiment."""
    summary = summary_of(found("t.py::a", "t.py::b", is_proven=True))
    assert summary.startswith("line 2 of shop.py broke it, which is not committed: without it the tests pass")
    assert "without it the tests pass" in summary_of(found("t.py::a", is_proven=True))
    assert confidence_of(found("t.py::a", is_proven=False)) == "likely"


def test_a_reversal_says_nothing_of_tests_that_it_did_not_run() -> None:
    assert "not confirmed" in summary_of(found("t.py::c", is_proven=False))
    assert confidence_of(found("t.py::c", is_proven=False)) == "unknown"

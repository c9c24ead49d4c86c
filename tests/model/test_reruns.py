"""Which run comes next, and what a sequence of runs says."""

import itertools
import random

import pytest

from triage.model.outcome import Outcome
from triage.model.reruns import Place, Rerun, RerunTest, concluded, next_place, too_many_red
from triage.model.run import RerunHint, Reruns, TestResult

OUTCOMES = {"g": Outcome.PASSED, "r": Outcome.FAILED, "s": Outcome.SKIPPED, "c": Outcome.CRASHED}


def row(
    alone: str, in_place: str = "", *, predecessors: bool = True, first: str = "r", most: int = 2
) -> RerunTest:
    """A test whose runs alone and in place had these colours."""
    runs = [Rerun(place=Place.ALONE, outcome=OUTCOMES[c], seconds=0, chunk="x") for c in alone]
    runs += [Rerun(place=Place.IN_PLACE, outcome=OUTCOMES[c], seconds=0, chunk="x") for c in in_place]
    return RerunTest(
        nodeid="t.py::a", first=OUTCOMES[first], has_predecessors=predecessors, runs=tuple(runs), most=most
    )


@pytest.mark.parametrize(
    ("alone", "in_place", "then"),
    [
        ("", "", "alone"),
        ("r", "", "alone"),  # reruns = 2: it gets a second chance
        ("rr", "", None),
        ("rg", "", None),  # red and green under one condition
        ("g", "", "in-place"),
        ("g", "g", None),
        ("g", "r", "alone"),  # chance, or does it need others?
        ("gggggggg", "r", "alone"),
        ("ggggggggg", "r", None),  # 9 greens against 2 reds: p = 1/55
        ("ggr", "r", None),
        ("s", "", None),
        ("g", "s", None),
    ],
)
def test_next_run(alone, in_place, then):
    assert next_place(row(alone, in_place)) == then


def test_what_ran_first_in_its_process_has_no_other_place():
    assert next_place(row("g", predecessors=False)) is None
    assert concluded(row("g", predecessors=False))[0] is Outcome.FLAKY


@pytest.mark.parametrize(
    ("alone", "in_place", "outcome", "figures"),
    [
        ("rr", "", "failed", {"runs": 2, "failed": 2, "alone": "failed", "in_place": None, "hint": None}),
        ("rg", "", "flaky", {"runs": 2, "failed": 1, "alone": "failed", "in_place": None, "hint": None}),
        ("g", "g", "flaky", {"runs": 2, "failed": 0, "alone": "passed", "in_place": "passed", "hint": None}),
        ("g", "", "failed", {"runs": 1, "failed": 0, "alone": "passed", "in_place": None,
                             "hint": "undecided"}),
        ("rs", "", "failed", {"runs": 1, "failed": 1, "alone": "failed", "in_place": None, "hint": None}),
        ("g", "r", "failed", {"runs": 2, "failed": 1, "alone": "passed", "in_place": "failed",
                              "hint": "needs-others"}),
        ("ggr", "r", "flaky", {"runs": 4, "failed": 2, "alone": "passed", "in_place": "failed",
                               "hint": None}),
        ("cr", "", "failed", {"runs": 2, "failed": 2, "alone": "crashed", "in_place": None, "hint": None}),
        ("gs", "", "failed", {"runs": 1, "failed": 0, "alone": "passed", "in_place": None,
                              "hint": "undecided"}),
    ],
)  # fmt: skip
def test_conclusion(alone, in_place, outcome, figures):
    found, reruns = concluded(row(alone, in_place))
    assert (found, reruns.model_dump(mode="json")) == (outcome, figures)


def test_no_answer_leaves_the_first_outcome():
    assert concluded(row("", first="c")) == (Outcome.CRASHED, None)
    assert concluded(row("s")) == (Outcome.FAILED, None)


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize("predecessors", [True, False])
def test_every_sequence_ends_and_steady_tests_are_never_flaky(most, predecessors):
    for colours in itertools.product("gr", repeat=12):
        test = row("", predecessors=predecessors, most=most)
        drawn = iter(colours)
        while (place := next_place(test)) is not None:
            rerun = Rerun(place=place, outcome=OUTCOMES[next(drawn)], seconds=0, chunk="x")
            test = test.model_copy(update={"runs": (*test.runs, rerun)})
        outcome, _ = concluded(test)
        if all(run.outcome is Outcome.FAILED for run in test.runs):
            assert outcome is Outcome.FAILED
            assert len(test.runs) == most


def test_a_test_that_fails_half_the_time_hardly_ever_seems_to_need_others():
    chance = random.Random(11)
    misread = seen_green = 0
    for _ in range(2000):
        test = row("")
        while (place := next_place(test)) is not None:
            rerun = Rerun(place=place, outcome=OUTCOMES[chance.choice("gr")], seconds=0, chunk="x")
            test = test.model_copy(update={"runs": (*test.runs, rerun)})
        seen_green += any(run.outcome.is_green for run in test.runs)
        misread += any(run.outcome.is_green for run in test.runs) and concluded(test)[0] is not Outcome.FLAKY
    assert seen_green > 1400  # 3 in 4
    assert misread < 0.005 * seen_green


@pytest.mark.parametrize(
    ("outcome", "reruns", "figures"),
    [
        ("passed", None, (1, 0)),
        ("skipped", None, (0, 0)),
        ("failed", None, (1, 1)),
        ("failed", Reruns(runs=2, failed=2), (3, 3)),
        ("flaky", Reruns(runs=2, failed=0), (3, 1)),
        ("flaky", None, (2, 1)),  # a report of another tool says no more
        ("failed", Reruns(runs=10, failed=1, hint=RerunHint.NEEDS_OTHERS), (2, 2)),
    ],
)
def test_executions_count_into_rates(outcome, reruns, figures):
    result = TestResult(nodeid="t::a", outcome=Outcome(outcome), reruns=reruns)
    assert (result.executions, result.failed_executions) == figures


def test_many_red_tests_have_one_cause():
    assert not too_many_red(10, 20), "small suites are always run again"
    assert too_many_red(11, 20)
    assert not too_many_red(100, 1000)
    assert too_many_red(101, 1000)

"""The table of verdicts: what is said of a failure for all that the base may answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.base.decide import Answers, decide, runs_for_flaky
from triage.base.observed import Observed, Trouble, TroubleKind
from triage.base.subjects import Subject
from triage.model.base_commit import BaseVerdict, worst
from triage.model.outcome import Outcome

P, F, S = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED
TEST = Subject(nodeid="t.py::test", process=("chunk_01", 1), fails_alone=True)
FLAKY = Subject(nodeid="t.py::test", process=("chunk_01", 1), is_flaky=True, runs=3, failed=1)

GREEN = Observed(together=(P, P, P))
RED = Observed(together=(F, F), alone=(F,))
MIXED = Observed(together=(P, F))
SKIPPED = Observed(together=(S, S, S))
ONCE = Observed(together=(P,), trouble=Trouble(kind=TroubleKind.BUDGET, text="no time"))
NO_IMPORT = Observed(trouble=Trouble(kind=TroubleKind.IMPORT, text="t.py does not import"))
NO_TIME = Observed(trouble=Trouble(kind=TroubleKind.BUDGET, text="no time"))
OTHER_CODE = Observed(trouble=Trouble(kind=TroubleKind.OTHER_CODE, text="pkg/a.py was imported"))


def verdict(head, base=None, *, present=True, subject=TEST, **more):
    return decide(subject, Answers(is_present=present, head_form=head, base_form=base, **more))


TABLE = [
    # (the head's form on the base, the base's own form, verdict)
    (GREEN, None, BaseVerdict.BROKEN),
    (GREEN, NO_IMPORT, BaseVerdict.BROKEN),
    (RED, None, BaseVerdict.RED),
    (RED, GREEN, BaseVerdict.BROKEN),
    (NO_IMPORT, GREEN, BaseVerdict.BROKEN),
    (RED, RED, BaseVerdict.RED),
    (RED, NO_IMPORT, BaseVerdict.RED),
    (NO_IMPORT, RED, BaseVerdict.RED),
    (NO_IMPORT, NO_IMPORT, BaseVerdict.UNDECIDED),
    (NO_IMPORT, None, BaseVerdict.UNDECIDED),
    (MIXED, None, BaseVerdict.UNDECIDED),
    (RED, MIXED, BaseVerdict.UNDECIDED),
    (SKIPPED, None, BaseVerdict.UNDECIDED),
    (RED, SKIPPED, BaseVerdict.UNDECIDED),
    (ONCE, None, BaseVerdict.UNDECIDED),
    (RED, NO_TIME, BaseVerdict.UNDECIDED),
    (OTHER_CODE, None, BaseVerdict.UNDECIDED),
]


@pytest.mark.parametrize(("head", "base", "expected"), TABLE)
def test_the_table(head, base, expected):
    decision = verdict(head, base)
    assert decision.verdict is expected
    assert decision.reason


@pytest.mark.parametrize("head", [None, GREEN, RED, NO_IMPORT])
def test_what_the_base_does_not_have_is_absent_however_it_fares_there(head):
    assert verdict(head, present=False).verdict is BaseVerdict.ABSENT


def test_two_runs_are_steady_only_with_a_record_that_agrees():
    twice = Observed(together=(P, P))
    assert verdict(twice).verdict is BaseVerdict.UNDECIDED
    assert verdict(twice, on_record=P).verdict is BaseVerdict.BROKEN
    assert verdict(twice, on_record=F).verdict is BaseVerdict.UNDECIDED


def test_a_part_of_the_base_that_is_missing_excuses_nothing():
    decision = verdict(RED, missing="submodule lib is not here")
    assert decision.verdict is BaseVerdict.UNDECIDED
    assert "submodule lib" in decision.reason
    assert verdict(GREEN, missing="submodule lib is not here").verdict is BaseVerdict.BROKEN


def test_a_test_that_fails_alone_here_is_compared_with_itself_alone_there():
    polluted_there = Observed(together=(F,), alone=(P, P, P))
    assert verdict(polluted_there).verdict is BaseVerdict.BROKEN


def test_a_victim_is_compared_in_its_place():
    victim = Observed(together=(P, P), behind=(F, F))
    decision = verdict(victim)
    assert decision.verdict is BaseVerdict.RED
    assert "behind the tests that precede it" in decision.reason


def test_an_expected_failure_there_is_green():
    expected = Observed(together=(Outcome.XFAILED,) * 3)
    assert verdict(RED, expected).verdict is BaseVerdict.BROKEN


def test_another_error_on_the_base_is_said():
    here = Subject(nodeid="t.py::test", process=(None, None), signatures=("reason/1:a",))
    there = RED.model_copy(update={"signatures": ("reason/1:b",), "error": "KeyError: 'x'"})
    assert "KeyError: 'x'" in verdict(there, subject=here).reason


class TestFlaky:
    def test_it_runs_as_often_as_its_rate_asks_for(self):
        assert runs_for_flaky(FLAKY) == 8
        often = Subject(nodeid="t", process=(None, None), is_flaky=True, runs=10, failed=9)
        seldom = Subject(nodeid="t", process=(None, None), is_flaky=True, runs=100, failed=1)
        assert runs_for_flaky(often) == 3
        assert runs_for_flaky(seldom) == 10

    def test_green_so_often_it_came_with_the_change_with_figures(self):
        decision = verdict(Observed(together=(P,) * 8), subject=FLAKY)
        assert decision.verdict is BaseVerdict.BROKEN
        assert "1 of 3 times here and 0 of 8 times on the base" in decision.reason
        assert "probability of 0.039" in decision.reason

    def test_red_once_it_was_flaky_before(self):
        assert verdict(Observed(together=(P, P, F)), subject=FLAKY).verdict is BaseVerdict.RED

    def test_green_too_seldom_it_is_open(self):
        assert verdict(Observed(together=(P, P, P)), subject=FLAKY).verdict is BaseVerdict.UNDECIDED


forms = st.sampled_from([GREEN, RED, MIXED, SKIPPED, ONCE, NO_IMPORT, NO_TIME, OTHER_CODE])


@given(head=forms, base=forms | st.none(), record=st.sampled_from([None, P, F]))
def test_red_is_said_only_where_nothing_was_green_and_broken_only_where_something_was(head, base, record):
    decision = verdict(head, base, on_record=record)
    greens = [form for form in (head, base) if form is not None and P in form.together]
    if decision.verdict is BaseVerdict.RED:
        assert not greens
    if decision.verdict is BaseVerdict.BROKEN:
        assert greens
    if decision.observed is not None:
        assert decision.observed in (head, base)


def test_a_cluster_is_as_bad_as_its_worst_member():
    assert worst([BaseVerdict.RED, BaseVerdict.BROKEN, BaseVerdict.UNDECIDED]) is BaseVerdict.BROKEN
    assert worst([BaseVerdict.RED, BaseVerdict.UNDECIDED]) is BaseVerdict.UNDECIDED
    assert worst([]) is None

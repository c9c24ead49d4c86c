"""The rule: what counts as confirmed, and what never may."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.lab.protocol import Experiment, Setup
from triage.lab.verdict import decided, interleaved, judge, lengthened, same_reason
from triage.model.experiment import Factor, Status
from triage.model.outcome import Outcome
from triage.testing.probes import failure, seen

T = "test_a.py::test_it"
EXPERIMENT = Experiment(
    probe="p",
    factor=Factor(kind="env", name="X", from_="1", to=None),
    prediction="passes without X",
    baseline=Setup(nodeids=(T,)),
    treated=Setup(nodeids=(T,), env={"X": None}),
    watch=(T,),
)


def runs(*outcomes, message="assert False"):
    return [seen(T, outcome, message) for outcome in outcomes]


def test_four_against_none_is_confirmed_with_its_p():
    result = judge(EXPERIMENT, runs(*[False] * 4), runs(*[True] * 4), failure(T)).result
    assert result.status is Status.CONFIRMED
    assert result.p_value == pytest.approx(1 / 70)
    assert (result.baseline.failed, result.treated.failed) == (4, 0)


@pytest.mark.parametrize(
    "outcome", [Outcome.SKIPPED, Outcome.ERROR, Outcome.NOT_RUN, Outcome.CRASHED, Outcome.XFAILED]
)
def test_a_treatment_after_which_the_test_does_not_pass_has_not_fixed_it(outcome):
    result = judge(EXPERIMENT, runs(*[False] * 4), runs(*[outcome] * 4), failure(T)).result
    assert result.status is Status.REFUTED


def test_a_control_that_passes_is_no_control():
    result = judge(EXPERIMENT, runs(*[True] * 4), runs(*[True] * 4), failure(T)).result
    assert result.status is Status.INVALID_CONTROL


def test_a_control_that_fails_for_another_reason_is_no_control():
    result = judge(EXPERIMENT, runs(*[False] * 4, message="disk full"), runs(*[True] * 4), failure(T)).result
    assert result.status is Status.INVALID_CONTROL


def test_numbers_and_paths_do_not_make_another_reason():
    assert same_reason(failure(T, "got 0.25 in /tmp/a1/x"), failure(T, "got 0.31 in /tmp/b2/x"))
    assert not same_reason(failure(T, "got 0.25"), failure(T, "lost 0.25"))


def test_a_treatment_that_did_not_take_proves_nothing():
    missed = ({"event": "missed", "missed": "no default named a.b"},)
    treated = [seen(T, True, measured={"defaults": missed}) for _ in range(4)]
    assert judge(EXPERIMENT, runs(*[False] * 4), treated, failure(T)).result.status is Status.INCONCLUSIVE


def test_one_failure_with_the_treatment_ends_the_experiment():
    assert decided(EXPERIMENT, runs(False), runs(False))
    assert not decided(EXPERIMENT, runs(False), runs(True))


def test_a_noisy_control_gets_more_rounds_and_a_stricter_rule():
    baseline, treated = runs(False, False, True, False), runs(*[True] * 4)
    assert lengthened(EXPERIMENT, baseline, treated) > 0
    assert judge(EXPERIMENT, baseline, treated).result.status is Status.INCONCLUSIVE


@given(st.integers(1, 12))
def test_interleaving_gives_both_arms_the_same_share_of_every_half(repeats):
    order = [arm for pair in interleaved(repeats) for arm in pair]
    for upto in range(0, len(order) + 1, 2):
        assert order[:upto].count("A") == order[:upto].count("B")


outcomes = st.lists(st.sampled_from(sorted(Outcome)), min_size=1, max_size=8)


@given(outcomes, outcomes)
def test_confirmed_never_without_a_failing_control_a_clean_treatment_and_a_small_p(baseline, treated):
    result = judge(EXPERIMENT, runs(*baseline), runs(*treated), None).result
    if result.status is Status.CONFIRMED:
        assert any(outcome.is_red for outcome in baseline)
        assert set(treated) == {Outcome.PASSED}
        assert result.p_value <= 0.05

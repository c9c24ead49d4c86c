"""The rules of the verdict: how often are they wrong, are they symmetrical, do they only grow?"""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.lab.protocol import Experiment, Setup
from triage.lab.verdict import decided, interleaved, judge, lengthened, still_allowed
from triage.model.experiment import Factor, Status
from triage.model.outcome import Outcome
from triage.model.statistics import one_sided
from triage.probe.treatment import repeats_of
from triage.testing.probes import failure, seen

T = "test_a.py::test_it"
RED, GREEN = seen(T, False), seen(T, True)


def experiment(repeats=4, alpha=0.05):
    return Experiment(
        probe="p",
        factor=Factor(kind="env", name="X", from_="1", to=None),
        prediction="passes without X",
        baseline=Setup(nodeids=(T,)),
        treated=Setup(nodeids=(T,), env={"X": None}),
        watch=(T,),
        repeats=repeats,
        alpha=alpha,
    )


def played(one, rate_a, rate_b, chance):
    """One experiment as the laboratory conducts it, with coins for tests."""
    baseline, treated = [], []
    rounds = interleaved(one.repeats)
    while rounds and not decided(one, baseline, treated):
        rounds.pop(0)
        baseline.append(RED if chance.random() < rate_a else GREEN)
        treated.append(RED if chance.random() < rate_b else GREEN)
        if not rounds:
            rounds = interleaved(lengthened(one, baseline, treated))
    return judge(one, baseline, treated, failure(T)).result


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5, 0.8, 0.95, 1.0])
@pytest.mark.parametrize("planned", [4, 8])
def test_a_change_without_effect_is_seldom_confirmed(rate, planned):
    chance = random.Random(round(rate * 100) + planned)
    confirmed = sum(
        played(experiment(planned), rate, rate, chance).status is Status.CONFIRMED for _ in range(400)
    )
    assert confirmed / 400 <= 0.05


@pytest.mark.parametrize("rate", [0.3, 0.6, 1.0])
def test_a_change_that_cures_is_mostly_confirmed(rate):
    chance = random.Random(7)
    confirmed = sum(played(experiment(), rate, 0.0, chance).status is Status.CONFIRMED for _ in range(200))
    assert confirmed / 200 >= 0.6


@given(st.integers(0, 12), st.integers(1, 12), st.integers(0, 12), st.integers(1, 12))
def test_exchanging_failures_and_passes_and_arms_changes_nothing(a, n, b, m):
    a, b = min(a, n), min(b, m)
    assert one_sided(a, n, b, m) == pytest.approx(one_sided(m - b, m, n - a, n))


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_more_failures_without_it_and_fewer_with_it_never_raise_p(n, m, data):
    a, b = data.draw(st.integers(0, n - 1)), data.draw(st.integers(0, m - 1))
    assert one_sided(a + 1, n, b, m) <= one_sided(a, n, b, m) + 1e-12
    assert one_sided(a, n, b, m) <= one_sided(a, n, b + 1, m) + 1e-12


@given(st.lists(st.sampled_from([*Outcome]), min_size=1, max_size=8), st.integers(4, 8))
@settings(max_examples=60)
def test_a_treated_run_that_does_not_pass_rules_confirmation_out(outcomes, runs):
    treated = [seen(T, outcome) for outcome in outcomes]
    result = judge(experiment(runs), [RED] * runs, treated, failure(T)).result
    if any(outcome is not Outcome.PASSED for outcome in outcomes):
        assert result.status in (Status.REFUTED, Status.INCONCLUSIVE)
    assert result.treated.failed == sum(outcome is not Outcome.PASSED for outcome in outcomes)


@given(st.integers(1, 400))
def test_what_green_runs_allow_is_the_exact_bound_below_the_rule_of_three(runs):
    bound = still_allowed(runs)
    assert (1 - bound) ** runs == pytest.approx(0.05)
    assert bound <= 3 / runs
    assert still_allowed(runs + 1) < bound


def test_a_flaky_subject_gets_the_stricter_level_and_enough_repeats():
    for rate in (0.2, 0.5, 0.8):
        repeats, alpha = repeats_of(type("Case", (), {"flaky": True, "rate": rate}))
        assert alpha == 0.01
        assert one_sided(round(rate * repeats), repeats, 0, repeats) <= 0.05

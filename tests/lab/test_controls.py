"""Failing runs of the unchanged case count in baselines of experiments, and each baseline has new ones."""

from __future__ import annotations

import pytest

from triage.lab.controls import Controls, rounds_beside
from triage.lab.protocol import Experiment, Observation, Setup
from triage.model.experiment import Factor
from triage.model.outcome import Outcome
from triage.model.run import Limits

T = "tests/test_a.py::test_it"
BASE = Setup(nodeids=(T,))
IDLE = BASE.plus(instruments={"defaults": {}})
LIMITS = Limits()


def experiment(baseline: Setup, repeats: int = 4) -> Experiment:
    return Experiment(
        probe="p",
        factor=Factor(kind="config", name="x", from_=0, to=1),
        prediction="it passes",
        baseline=baseline,
        treated=BASE.plus(instruments={"defaults": {"overrides": {"a.b": 1}}}),
        watch=(T,),
        repeats=repeats,
    )


def seen(*runs: tuple[Setup, Outcome]) -> Controls:
    controls = Controls()
    for setup, outcome in runs:
        controls.add(setup, LIMITS, Observation(outcomes={T: outcome}))
    return controls


RED, GREEN = Outcome.FAILED, Outcome.PASSED


@pytest.mark.parametrize(
    ("runs", "kept"),
    [
        ([], 0),
        ([(BASE, RED)], 0),
        ([(BASE, RED)] * 2, 1),
        ([(BASE, RED)] * 4, 2),
        ([(IDLE, RED)] * 5, 3),
        ([(BASE, RED)] * 3 + [(IDLE, RED)], 2),
        ([(BASE, RED), (BASE, RED), (BASE, GREEN), (IDLE, RED)], 0),
        ([(BASE.plus(instruments={"reach": {"path": "a"}}), RED)] * 3, 0),
        ([(BASE.plus(env={"MODE": "1"}), RED)] * 3, 0),
    ],
)
def test_what_counts_in_a_baseline(runs, kept):
    assert len(seen(*runs).for_baseline(experiment(IDLE), LIMITS, forks=True)) == kept


def test_runs_under_another_limit_do_not_count():
    other = Limits(test_timeout=1.0)
    assert seen(*[(BASE, RED)] * 3).for_baseline(experiment(BASE), other, forks=True) == []


def test_only_the_run_that_opened_the_case_does_not_count():
    """It had a shorter limit; the repeats under the suite's own were not chosen for how they ended."""
    controls = Controls()
    red = Observation(outcomes={T: RED})
    controls.add(BASE, Limits(test_timeout=1.0), red)
    for setup in (BASE, BASE.measuring("usage")):
        controls.add(setup, LIMITS, red)
    assert len(controls.for_baseline(experiment(IDLE), LIMITS, forks=True)) == 2


def test_forks_are_no_controls_of_new_interpreters():
    controls = Controls()
    for forked in (False, False, True):
        controls.add(BASE, LIMITS, Observation(outcomes={T: RED}, forked=forked))
    kept = controls.for_baseline(experiment(BASE), LIMITS, forks=False)
    assert [run.forked for run in kept] == [False]


@pytest.mark.parametrize("repeats", [1, 2])
def test_the_last_round_is_always_new(repeats):
    controls = seen(*[(BASE, RED)] * 5)
    assert len(controls.for_baseline(experiment(BASE, repeats), LIMITS, forks=True)) == repeats - 1


@pytest.mark.parametrize("repeats", [4, 5, 9])
@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_each_arm_has_as_many_runs_as_ever(kept, repeats):
    rounds = rounds_beside(kept, repeats)
    arms = [arm for each in rounds for arm in each]
    assert arms.count("A") + kept == repeats
    assert arms.count("B") == repeats
    assert set(rounds[-1]) == {"A", "B"}
    assert all(len(each) <= 2 for each in rounds)


def test_a_useless_treatment_costs_one_run_where_all_other_controls_are_kept():
    assert rounds_beside(3, 4) == [("B",), ("B", "B"), ("A", "B")]


def test_a_kept_run_answers_what_its_meters_measured():
    measured = BASE.measuring("gradients", "lines")
    controls = seen((BASE, RED), (measured, RED))
    found = controls.measured(IDLE.measuring("lines"), LIMITS)
    assert found is None, "nothing was idle in the kept run that could have done something all the same"
    assert controls.measured(BASE.measuring("lines"), LIMITS) is not None
    assert controls.measured(BASE.measuring("trace"), LIMITS) is None
    assert controls.measured(measured.plus(env={"MODE": "1"}), LIMITS) is None
    assert controls.measured(measured, Limits(test_timeout=1.0)) is None

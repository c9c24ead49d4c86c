"""What a person is told while experiments run."""

from __future__ import annotations

from triage.lab.protocol import Experiment, Look, Setup
from triage.lab.questions import Pace, of_experiment, of_looks, with_time
from triage.model.experiment import Factor

T, U = "tests/test_a.py::test_it", "tests/test_a.py::test_before"


def test_a_look_names_its_question_and_its_test():
    look = Look(setup=Setup(nodeids=(T,)), why="does it fail alone?")
    assert of_looks([look, look]) == f"does it fail alone? [{T}]"
    behind = Look(setup=Setup(nodeids=(U, T)), why="the tests before it")
    assert of_looks([behind]) == f"the tests before it [{T} behind 1 more]"
    assert of_looks([look, behind]) == "does it fail alone?; the tests before it [2 selections]"


def test_an_experiment_names_its_factor_and_what_it_watches():
    setup = Setup(nodeids=(T,))
    experiment = Experiment(
        probe="environment", factor=Factor(kind="env", name="MODE", to="1"), prediction="-",
        baseline=setup, treated=setup, watch=(T, U),
    )  # fmt: skip
    assert of_experiment(experiment) == f"environment: does env MODE decide? [{T} and 1 more]"


def test_the_time_follows_the_latest_runs_and_the_budget():
    assert with_time("why?", 8, Pace(workers=2), float("inf")) == "why?"
    assert with_time("why?", 8, Pace(workers=2, seconds=3.0), 100.4) == (
        "why? (about 12 s, 100 s of the budget left)"
    )

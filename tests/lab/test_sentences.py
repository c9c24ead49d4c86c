"""Sentences on experiments name the two arms by what differs in them."""

from __future__ import annotations

import pytest

from triage.lab.protocol import Experiment, Setup
from triage.lab.sentences import both_arms, treated_arm
from triage.model.experiment import Factor, Tally

T = "tests/test_a.py::test_it"


def experiment(factor, arm_names=None):
    return Experiment(
        probe="p", factor=factor, prediction="it passes", baseline=Setup(nodeids=(T,)),
        treated=Setup(nodeids=(T,)), watch=(T,), arm_names=arm_names,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("factor", "treated"),
    [
        (Factor(kind="env", name="APP_MODE", to=None), "with APP_MODE unset"),
        (Factor(kind="env", name="A + B", to=None), "with A and B unset"),
        (Factor(kind="env", name="TZ", to="UTC"), "with TZ=UTC"),
        (Factor(kind="config", name="a.B.c", to=100.0), "with a.B.c=100.0"),
        (Factor(kind="literal", name="t.py:3", from_="0.0", to="1.0"), "with 1.0 in place of 0.0 at t.py:3"),
        (Factor(kind="edit", name="net.py:3", to="detach taken out"), "with the edit at net.py:3"),
        (Factor(kind="restore", name="cwd + env:A", to="restored"), "with cwd and env:A restored"),
        (Factor(kind="cwd", name="working directory", to="tests"), "from the folder tests"),
        (Factor(kind="dtype", name="default", to="float64"), "in float64"),
        (Factor(kind="package", name="numpy", to="1.26"), "with numpy 1.26"),
        (Factor(kind="file", name="a.txt", to="an empty file"), "with a.txt: an empty file"),
        (None, "with the change"),
    ],
)
def test_the_treated_arm_is_called_after_its_factor(factor, treated):
    sentence = both_arms(experiment(factor), Tally(runs=4, failed=4), Tally(runs=4, failed=0))
    assert sentence == f"Unchanged, the test failed 4 of 4 times; {treated} it passed 4 of 4 times"


def test_a_probe_may_name_the_arms_itself():
    names = ("at 4766194 (Rename it)", "at its parent 04c1b33")
    one = experiment(Factor(kind="commit", name="revision", to="04c1b33"), names)
    sentence = both_arms(one, Tally(runs=4, failed=4), Tally(runs=4, failed=0))
    assert sentence == (
        "At 4766194 (Rename it) the test failed 4 of 4 times; at its parent 04c1b33 it passed 4 of 4 times"
    )
    assert treated_arm(one) == "At its parent 04c1b33"

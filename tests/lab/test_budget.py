"""A budget ends an investigation by time or by runs, whichever is spent first."""

from __future__ import annotations

import pytest

from triage.lab.budget import UNLIMITED, Budget, BudgetSpent, Spending


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_runs_are_numbered_until_none_is_left():
    spending = Spending(Budget(seconds=60, runs=2), Clock())
    assert [spending.take_run(), spending.take_run()] == [1, 2]
    with pytest.raises(BudgetSpent):
        spending.take_run()
    assert spending.runs == 2


def test_no_run_begins_after_the_time():
    clock = Clock()
    spending = Spending(Budget(seconds=60), clock)
    clock.now += 59.5
    assert spending.take_run() == 1
    assert (spending.seconds, spending.seconds_left) == (59.5, 0.5)
    clock.now += 0.5
    with pytest.raises(BudgetSpent):
        spending.take_run()


def test_what_has_begun_may_exceed_the_budget_by_a_twentieth():
    clock = Clock()
    spending = Spending(Budget(seconds=60), clock)
    clock.now += 62.9
    assert not spending.is_over()
    clock.now += 0.2
    assert spending.is_over()
    assert not Spending(UNLIMITED, clock).is_over()


def test_a_design_has_no_limit_of_time():
    clock = Clock()
    spending = Spending(UNLIMITED, clock)
    clock.now += 1e9
    assert spending.take_run() == 1

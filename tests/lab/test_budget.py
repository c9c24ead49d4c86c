"""A budget ends an investigation by time or by runs, whichever is spent first."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from triage.lab.budget import UNLIMITED, Budget, BudgetSpent, Spending
from triage.model.base import World


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


def command_of(began: float | None, clock: Clock) -> World:
    return World(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), monotonic=clock, environ={}, began=began)


def test_a_budget_counts_from_the_start_of_the_command_and_keeps_time_for_its_end():
    clock = Clock()
    spending = Spending.of_command(Budget(seconds=60), command_of(clock.now - 2.0, clock))
    assert spending.seconds == 2.0
    # the end is given one and a half times what the start took
    assert spending.seconds_left == 60 - 2.0 - 3.0
    assert spending.deadline == pytest.approx(clock.now - 2.0 + 63.0 - 3.0)


@pytest.mark.parametrize(("start", "closing"), [(0.1, 1.0), (50.0, 6.0)])
def test_the_end_is_given_a_second_and_at_most_a_tenth(start, closing):
    clock = Clock()
    spending = Spending.of_command(Budget(seconds=60), command_of(clock.now - start, clock))
    assert spending.seconds_left == pytest.approx(60 - start - closing)


def test_a_world_without_a_start_counts_from_now():
    clock = Clock()
    assert Spending.of_command(Budget(seconds=60), command_of(None, clock)).seconds == 0.0

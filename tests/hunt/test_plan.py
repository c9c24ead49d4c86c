"""What a budget has time for: best value first, and what it would need."""

from __future__ import annotations

from triage.hunt.plan import Arm, SuiteCosts, chosen, default_budget, least_budget

COSTS = SuiteCosts(tests=100, suite_seconds=10.0, start_seconds=1.0, workers=2)


def test_by_default_twice_the_suite_and_two_minutes():
    assert default_budget(COSTS) == 140.0


def test_best_value_comes_first_and_what_does_not_fit_is_left():
    arms = [Arm("dear", 50.0, 10.0), Arm("cheap", 5.0, 10.0), Arm("useless", 40.0, 0.1)]
    taken, left = chosen(arms, 60.0)
    assert [arm.name for arm in taken] == ["cheap", "dear"]
    assert [arm.name for arm in left] == ["useless"]


def test_a_small_arm_still_fits_behind_a_large_one_that_does_not():
    taken, left = chosen([Arm("large", 50.0, 100.0), Arm("small", 2.0, 1.0)], 10.0)
    assert [arm.name for arm in taken] == ["small"]
    assert [arm.name for arm in left] == ["large"]


def test_the_least_budget_has_time_for_one_order_and_one_proof():
    assert COSTS.orders() < least_budget(COSTS) < default_budget(COSTS)


def test_the_cost_of_orders_does_not_grow_faster_than_the_suite():
    large = SuiteCosts(tests=5000, suite_seconds=500.0, start_seconds=1.0, workers=2)
    assert large.orders(8) == 50 * COSTS.orders(8)

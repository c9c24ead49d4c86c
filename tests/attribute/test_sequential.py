"""The sequential rule for flaky tests: wrong as seldom as it says, and no longer than needed."""

from __future__ import annotations

import random

from triage.attribute.answers import Answer
from triage.attribute.sequential import SequentialAnswer


def decide(rate: float, told_bad: float, told_good: float, chance: random.Random) -> tuple[Answer, int]:
    """Run a test that fails with this rate until the rule answers."""
    decision = SequentialAnswer(told_bad, told_good)
    while decision.answer is None:
        decision.add(chance.random() < rate)
    return decision.answer, decision.runs


def test_a_single_failure_of_a_test_that_never_fails_on_good_code_is_nearly_enough() -> None:
    decision = SequentialAnswer(rate_bad=0.9)
    decision.add(True)
    decision.add(True)
    assert decision.answer is Answer.RED
    assert decision.runs == 2


def test_green_runs_have_to_outweigh_luck() -> None:
    decision = SequentialAnswer(rate_bad=0.5)
    greens = 0
    while decision.answer is None:
        decision.add(False)
        greens += 1
    assert decision.answer is Answer.GREEN
    assert 6 <= greens <= 8


def test_it_is_wrong_about_one_time_in_a_hundred() -> None:
    chance = random.Random(11)
    wrong_good = sum(decide(0.0, 0.4, 0.0, chance)[0] is not Answer.GREEN for _ in range(500))
    wrong_bad = sum(decide(0.4, 0.4, 0.0, chance)[0] is not Answer.RED for _ in range(500))
    assert wrong_good == 0
    assert wrong_bad <= 15


def test_a_test_that_is_flaky_on_good_code_too_is_told_by_its_rate() -> None:
    chance = random.Random(12)
    answers = [decide(0.1, 0.8, 0.1, chance)[0] for _ in range(200)]
    assert answers.count(Answer.GREEN) >= 190


def test_a_test_that_fails_too_seldom_is_untestable() -> None:
    decision = SequentialAnswer(rate_bad=0.02)
    for _ in range(40):
        decision.add(False)
    assert decision.answer is Answer.UNTESTABLE

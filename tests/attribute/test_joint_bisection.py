"""The joint bisection on simulated histories: what it finds, and what it costs."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from triage.attribute.answers import Answer
from triage.attribute.joint_bisection import Found, JointBisection, Question, bisect

Answers = dict[str, Answer]


class History:
    """Tests that became red at known positions, and positions that cannot be run."""

    def __init__(self, first_bad: Mapping[str, int], untestable: frozenset[int] = frozenset()) -> None:
        self.first_bad = first_bad
        self.untestable = untestable
        self.asked: list[Question[str]] = []

    def ask(self, question: Question[str]) -> Answers:
        self.asked.append(question)
        return {test: self.answer(test, question.position) for test in question.tests}

    def answer(self, test: str, position: int) -> Answer:
        if position in self.untestable:
            return Answer.UNTESTABLE
        return Answer.RED if position >= self.first_bad[test] else Answer.GREEN


def test_a_single_test_is_bisected_and_confirmed_at_both_ends() -> None:
    history = History({"a": 5})
    assert bisect(JointBisection(16, [["a"]]), history.ask) == {"a": Found(4, 5, True)}


def test_one_checkout_answers_for_every_group_whose_interval_contains_it() -> None:
    history = History({"a": 3, "b": 14})
    bisect(JointBisection(16, [["a"], ["b"]]), history.ask)
    assert history.asked[0] == Question(8, ("a", "b"))


def test_only_a_representative_runs_where_the_end_is_far() -> None:
    first_bad = {f"t{number}": 700 for number in range(20)}
    history = History(first_bad)
    found = bisect(JointBisection(1024, [list(first_bad)]), history.ask)
    assert set(found.values()) == {Found(699, 700, True)}
    assert [len(question.tests) for question in history.asked[:7]] == [1] * 7


def test_members_that_do_not_flip_with_their_group_go_on_by_themselves() -> None:
    first_bad = {"a": 100, "b": 100, "c": 900, "d": 5}
    found = bisect(JointBisection(1000, [["a", "b", "c", "d"]]), History(first_bad).ask)
    assert {test: where.bad for test, where in found.items()} == first_bad
    assert all(where.is_exact and where.is_confirmed for where in found.values())


def test_the_first_and_the_last_position_can_be_the_first_bad_one() -> None:
    first_bad = {"a": 1, "b": 64}
    found = bisect(JointBisection(64, [["a", "b"]]), History(first_bad).ask)
    assert {test: where.bad for test, where in found.items()} == first_bad


def test_an_interval_of_one_needs_no_checkout() -> None:
    search = JointBisection(1, [["a", "b"]])
    assert search.question() is None
    assert search.found == {"a": Found(0, 1, True), "b": Found(0, 1, True)}


def test_commits_that_cannot_be_run_widen_the_answer_to_a_range() -> None:
    history = History({"a": 7}, untestable=frozenset({6, 7, 8}))
    assert bisect(JointBisection(16, [["a"]]), history.ask) == {"a": Found(5, 9, True)}


def test_a_history_of_which_nothing_can_be_run_ends_soon() -> None:
    history = History({"a": 700}, untestable=frozenset(range(1, 1024)))
    search = JointBisection(1024, [["a"]])
    assert bisect(search, history.ask) == {"a": Found(0, 1024, True)}
    assert search.checkouts <= 12


def test_a_test_that_answers_against_the_order_of_history_ends_the_search_all_the_same() -> None:
    chance = random.Random(7)

    def ask(question: Question[str]) -> Answers:
        return {test: chance.choice([Answer.GREEN, Answer.RED]) for test in question.tests}

    for _ in range(50):
        tests = [f"t{number}" for number in range(6)]
        found = bisect(JointBisection(64, [tests[:4], tests[4:]]), ask)
        assert all(where.good < where.bad for where in found.values())


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[list[str]], dict[str, int]]:
    """Length, groups (each of one cause, of uneven size) and where each test became red."""
    length = draw(st.integers(1, 4096))
    causes = draw(st.lists(st.integers(1, length), min_size=1, max_size=32, unique=True))
    groups, first_bad = [], {}
    for number, cause in enumerate(causes):
        size = draw(st.integers(1, 9))
        tests = [f"c{number}t{index}" for index in range(size)]
        groups.append(tests)
        first_bad.update(dict.fromkeys(tests, cause))
    return length, groups, first_bad


@settings(max_examples=25, deadline=None)
@given(histories())
def test_it_is_right_and_within_its_bound(case: tuple[int, list[list[str]], dict[str, int]]) -> None:
    length, groups, first_bad = case
    search = JointBisection(length, groups)
    found = bisect(search, History(first_bad).ask)
    assert found == {test: Found(bad - 1, bad, True) for test, bad in first_bad.items()}
    causes = len(groups)
    assert search.checkouts <= causes * math.log2(length / causes) + 2 * causes + 2


@settings(max_examples=15, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_groups_that_mix_causes_are_within_the_bound_where_all_members_run(
    case: tuple[int, list[list[str]], dict[str, int]], chance: random.Random
) -> None:
    length, groups, first_bad = case
    tests = list(first_bad)
    chance.shuffle(tests)
    mixed = [tests[start::3] for start in range(3)]
    search = JointBisection(length, mixed, witnesses=len(tests))
    found = bisect(search, History(first_bad).ask)
    assert {test: where.bad for test, where in found.items()} == first_bad
    causes = len(groups)
    assert search.checkouts <= causes * math.log2(length / causes) + 2 * causes + 2


@settings(max_examples=15, deadline=None)
@given(histories(), st.sets(st.integers(1, 4095), max_size=200))
def test_a_range_always_holds_the_first_bad_commit(
    case: tuple[int, list[list[str]], dict[str, int]], untestable: set[int]
) -> None:
    length, groups, first_bad = case
    history = History(first_bad, frozenset(untestable) - {length})
    for test, where in bisect(JointBisection(length, groups), history.ask).items():
        assert where.good < first_bad[test] <= where.bad

"""The search for hunks on simulated differences: what it finds, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from triage.attribute.answers import Answer
from triage.attribute.hunk_search import HunkSearch

Hunks = frozenset[int]


class Difference:
    """Hunks of which each test needs some reverted; states that hold a half of a pair cannot be run."""

    def __init__(self, needs: Mapping[str, set[int]], inseparable: Sequence[tuple[int, int]] = ()) -> None:
        self.needs = {test: frozenset(hunks) for test, hunks in needs.items()}
        self.inseparable = inseparable
        self.asked: list[Hunks] = []

    def ask(self, reverted: Hunks, tests: Sequence[str]) -> dict[str, Answer]:
        self.asked.append(reverted)
        return {test: self.answer(reverted, test) for test in tests}

    def answer(self, reverted: Hunks, test: str) -> Answer:
        if any((one in reverted) != (other in reverted) for one, other in self.inseparable):
            return Answer.UNTESTABLE
        return Answer.GREEN if self.needs[test] <= reverted else Answer.RED

    def search(self, hunks: int, *, hunks_a_file: int = 3) -> HunkSearch[int, str]:
        return HunkSearch(range(hunks), self.needs, self.ask, lambda hunk: f"f{hunk // hunks_a_file}.py")


def test_each_test_gets_its_hunk() -> None:
    difference = Difference({"a": {1}, "b": {7}, "c": {7}})
    assert difference.search(16).run() == {"a": {1}, "b": {7}, "c": {7}}


def test_the_halves_of_all_tests_are_reverted_in_one_experiment() -> None:
    difference = Difference({f"t{number}": {number * 16} for number in range(4)})
    search = difference.search(64, hunks_a_file=1)
    search.run()
    assert search.experiments == 6 + 4


def test_a_single_hunk_is_proven_by_its_reversal_alone() -> None:
    search = Difference({"a": {0}}).search(1)
    assert search.run() == {"a": {0}}
    assert search.experiments == 1


def test_two_hunks_that_are_needed_together_are_one_set() -> None:
    difference = Difference({"a": {2, 11}, "b": {5}})
    assert difference.search(16).run() == {"a": {2, 11}, "b": {5}}


def test_three_hunks_that_are_needed_together_are_one_set() -> None:
    assert Difference({"a": {0, 6, 13}}).search(16).run() == {"a": {0, 6, 13}}


def test_a_hunk_that_cannot_be_reverted_without_another_takes_it_along() -> None:
    difference = Difference({"a": {4}, "b": {9}}, inseparable=[(4, 8)])
    assert difference.search(12).run() == {"a": {4, 8}, "b": {9}}


def test_a_change_that_is_torn_in_every_state_in_between_is_one_piece_after_some_dozens_of_experiments() -> (
    None
):
    hunks = 200
    torn = [(hunk, hunk + 1) for hunk in range(hunks - 1)]
    search = Difference({"a": {90}}, inseparable=torn).search(hunks)
    assert search.run() == {"a": frozenset(range(hunks))}
    assert search.experiments < 80


def test_whole_files_are_reverted_before_parts_of_them() -> None:
    difference = Difference({"a": {5}})
    difference.search(9, hunks_a_file=5).run()
    assert difference.asked[0] == {0, 1, 2, 3, 4}


def test_what_was_found_stays_where_the_search_is_cut_short() -> None:
    difference = Difference({"a": {0}, "b": {1, 9}})

    class Spent(Exception):
        pass

    def ask(reverted: Hunks, tests: Sequence[str]) -> dict[str, Answer]:
        if len(difference.asked) > 8:
            raise Spent
        return difference.ask(reverted, tests)

    search = HunkSearch(range(16), difference.needs, ask, str)
    with suppress(Spent):
        search.run()
    assert search.sets == {"a": {0}}


@st.composite
def differences(draw: st.DrawFn, most_needed: int) -> tuple[int, dict[str, set[int]]]:
    hunks = draw(st.integers(1, 300))
    sets = st.sets(st.integers(0, hunks - 1), min_size=1, max_size=min(most_needed, hunks))
    causes = draw(st.lists(sets, min_size=1, max_size=min(32, hunks), unique_by=frozenset))
    needs = {}
    for number, cause in enumerate(causes):
        for index in range(draw(st.integers(1, 4))):
            needs[f"c{number}t{index}"] = cause
    return hunks, needs


@settings(max_examples=25, deadline=None)
@given(differences(most_needed=1))
def test_single_hunks_are_found_within_the_bound(case: tuple[int, dict[str, set[int]]]) -> None:
    hunks, needs = case
    search = Difference(needs).search(hunks)
    assert search.run() == needs
    causes = len({frozenset(cause) for cause in needs.values()})
    # the bound counts the confirmation in both directions too, which comes behind the search
    assert search.experiments + 2 * causes <= causes * math.log2(hunks / causes) + 3 * causes + 1


@settings(max_examples=25, deadline=None)
@given(differences(most_needed=3))
def test_sets_of_several_hunks_are_found(case: tuple[int, dict[str, set[int]]]) -> None:
    hunks, needs = case
    assert Difference(needs).search(hunks).run() == needs


@settings(max_examples=25, deadline=None)
@given(differences(most_needed=2), st.data())
def test_whatever_cannot_be_separated_every_set_makes_its_test_green(
    case: tuple[int, dict[str, set[int]]], data: st.DataObject
) -> None:
    hunks, needs = case
    hunk = st.integers(0, hunks - 1)
    inseparable = data.draw(st.lists(st.tuples(hunk, hunk), max_size=5))
    difference = Difference(needs, inseparable)
    for test, found in difference.search(hunks).run().items():
        assert difference.answer(found, test) is Answer.GREEN

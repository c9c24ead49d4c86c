"""Which ordered pairs have run: counted like a loop over all pairs would."""

from __future__ import annotations

import random
from itertools import combinations, pairwise

import pytest

from triage.hunt.coverage import OrderedPairs, share
from triage.hunt.orders import mixed_order


def test_file_order_and_its_reverse_cover_all_pairs():
    tests = [f"t.py::{number}" for number in range(9)]
    pairs = OrderedPairs(tests)
    pairs.add(tests)
    assert (pairs.covered, pairs.pairs) == (36, 72)
    pairs.add(tests[::-1])
    assert pairs.covered == 72


def test_as_a_loop_over_all_pairs_counts():
    chance = random.Random(4)
    tests = [f"f{number % 4}.py::{number}" for number in range(17)]
    pairs, seen, files = OrderedPairs(tests), set(), set()
    for _ in range(3):
        order = chance.sample(tests, 11)
        pairs.add([*order, "gone.py::test"])
        seen |= set(combinations(order, 2))
        both = [(a.partition("::")[0], b.partition("::")[0]) for a, b in pairwise(order)]
        files |= {pair for pair in both if pair[0] != pair[1]}
    assert pairs.covered == len(seen)
    assert pairs.covered_file_pairs == len(files)
    assert pairs.file_pairs == 12


@pytest.mark.parametrize("size", [20, 33, 500, 5000])
def test_three_rows_of_squares_cover_every_ordered_pair(size):
    """A row goes around a circle from one point both ways: of three points that lie in no half of it one is
    nearer to the first test of any pair, and one nearer to the second."""
    tests = [f"f{number // 20}.py::{number}" for number in range(size)]
    pairs = OrderedPairs(tests)
    for number in range(3):
        pairs.add(mixed_order(tests, number, 1))
    assert pairs.covered == pairs.pairs


def test_of_one_test_there_is_nothing_to_cover():
    assert share(OrderedPairs(["a"]).covered, OrderedPairs(["a"]).pairs) == 1.0

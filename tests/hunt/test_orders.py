"""Rows of Tuscan squares: every ordered pair side by side, each order a permutation of its seed."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.hunt.orders import (
    file_of,
    mixed_order,
    reversed_files,
    rows_of,
    square_order,
    tuscan_row,
)

TESTS = tuple(f"tests/test_{file}.py::test_{number}" for file in "abcde" for number in range(4))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 9, 16, 31])
def test_in_all_rows_every_ordered_pair_stands_side_by_side(size):
    rows = [tuscan_row(size, row) for row in range(rows_of(size))]
    assert all(sorted(row) == list(range(size)) for row in rows)
    beside = {pair for row in rows for pair in itertools.pairwise(row)}
    assert len(beside) == size * (size - 1)


@pytest.mark.parametrize("size", [2, 4, 16])
def test_of_an_even_size_no_pair_comes_twice(size):
    beside = [pair for row in range(size) for pair in _beside(tuscan_row(size, row))]
    assert len(beside) == len(set(beside))


def _beside(row):
    return list(itertools.pairwise(row))


def test_the_orders_of_one_seed_go_through_all_rows_of_the_files():
    beside = set()
    for number in range(rows_of(5)):
        files = list(dict.fromkeys(map(file_of, square_order(TESTS, number, seed=3))))
        beside |= set(_beside(files))
    assert len(beside) == 5 * 4


@given(number=st.integers(0, 200), seed=st.integers(0, 2**40))
def test_an_order_has_every_test_once_and_keeps_files_together(number, seed):
    order = square_order(TESTS, number, seed)
    assert sorted(order) == sorted(TESTS)
    changes = sum(file_of(one) != file_of(other) for one, other in _beside(order))
    assert changes == 4
    assert sorted(mixed_order(TESTS, number, seed)) == sorted(TESTS)


def test_a_seed_gives_one_order_and_another_seed_another():
    assert square_order(TESTS, 2, 7) == square_order(TESTS, 2, 7)
    assert square_order(TESTS, 2, 7) != square_order(TESTS, 2, 8)
    assert square_order(TESTS, 2, 7) != square_order(TESTS, 3, 7)


def test_reversed_orders():
    few = ("a.py::x", "a.py::y", "b.py::z")
    assert reversed_files(few) == ("b.py::z", "a.py::x", "a.py::y")

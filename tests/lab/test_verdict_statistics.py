"""Exact tests against figures computed by hand and against brute force."""

from __future__ import annotations

from itertools import combinations
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.lab import verdict
from triage.model.rate import runs_needed, wilson
from triage.model.statistics import one_sided


@pytest.mark.parametrize(
    ("counts", "p"),
    [((3, 3, 0, 3), 0.05), ((4, 4, 0, 4), 1 / 70), ((5, 5, 0, 5), 1 / 252), ((3, 3, 0, 10), 1 / 286)],
)
def test_all_against_none(counts, p):
    assert isclose(one_sided(*counts), p)


@st.composite
def tables(draw):
    runs_a, runs_b = draw(st.integers(0, 6)), draw(st.integers(0, 6))
    return draw(st.integers(0, runs_a)), runs_a, draw(st.integers(0, runs_b)), runs_b


def enumerated(failed_a, runs_a, failed_b, runs_b):
    """How many failures fall to B in every way to deal them out: the definition of the test."""
    total, failed = runs_a + runs_b, failed_a + failed_b
    in_b = [sum(place >= runs_a for place in deal) for deal in combinations(range(total), failed)]
    return in_b or [0]


@given(tables())
def test_one_sided_is_the_share_of_deals_at_least_as_kind_to_b(table):
    deals = enumerated(*table)
    assert isclose(one_sided(*table), sum(k <= table[2] for k in deals) / len(deals))


@given(st.integers(0, 200), st.integers(0, 200))
def test_wilson_holds_the_rate_and_stays_in_range(failed, more):
    runs = failed + more
    low, high = wilson(failed, runs)
    assert 0 <= low <= high <= 1
    if runs:
        assert low - 1e-12 <= failed / runs <= high + 1e-12


@pytest.mark.parametrize(("runs", "percent"), [(1, 95), (3, 63), (5, 45), (10, 26), (20, 14), (100, 3)])
def test_green_runs_leave_a_rate_open(runs, percent):
    assert round(100 * verdict.still_allowed(runs)) == percent


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.9])
def test_runs_needed_is_the_least_number(rate):
    runs = runs_needed(rate)
    assert (1 - rate) ** runs <= 0.05 < (1 - rate) ** (runs - 1)


def test_steady_failures_need_four_and_four():
    assert verdict.repeats_for(1.0, 0.05) == 4


@pytest.mark.parametrize("counts", [(-1, 3, 0, 3), (4, 3, 0, 3), (0, 3, 4, 3)])
def test_impossible_counts_are_refused(counts):
    with pytest.raises(ValueError, match="impossible"):
        one_sided(*counts)

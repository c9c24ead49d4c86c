"""Each place that takes the order of a set is found, and nothing else is sorted."""

from __future__ import annotations

import pytest

from triage.probe.edits.sorted_sets import with_sorted_sets

EVERYWHERE = frozenset(range(1, 30))


@pytest.mark.parametrize(
    ("source", "edited"),
    [
        ("x = list({a, b})", "x = list(sorted({a, b}))"),
        ("x = ', '.join(set(names))", "x = ', '.join(sorted(set(names)))"),
        ("x = [n for n in {str(m) for m in ms}]", "x = [n for n in sorted({str(m) for m in ms})]"),
        ("x = [*frozenset(names), 1]", "x = [*sorted(frozenset(names)), 1]"),
        ("x = list(set(a) - set(b))", "x = list(sorted(set(a) - set(b)))"),
        ("x = list(a.keys() & b.keys())", "x = list(sorted(a.keys() & b.keys()))"),
        ("é = list(set('é'))", "é = list(sorted(set('é')))"),
        (
            "def f(x):\n    s = set(x)\n    return tuple(s)",
            "def f(x):\n    s = set(x)\n    return tuple(sorted(s))",
        ),
        ("for n in set(x):\n    out.append(n)", "for n in sorted(set(x)):\n    out.append(n)"),
    ],
)
def test_it_is_sorted_where_its_order_is_handed_on(source, edited):
    (place,) = with_sorted_sets(source, EVERYWHERE)
    assert place.text == edited
    assert place.is_the_result


@pytest.mark.parametrize(
    "source",
    ["for n in set(x):\n    total = total * 2 + n", "first, second = {a, b}"],
    ids=["loop", "unpacked"],
)
def test_a_use_that_may_be_wrong_in_some_orders_is_told_apart(source):
    (place,) = with_sorted_sets(source, EVERYWHERE)
    assert not place.is_the_result


@pytest.mark.parametrize(
    "source",
    [
        "x = sorted(set(names))",
        "x = len({1, 2})",
        "x = list(names)",
        "s = set(x)\ns = list(y)\nfor n in s:\n    print(n)",
        "if a in {1, 2}:\n    pass",
        "x = list(a - b)",
        "def broken(:",
    ],
)
def test_nothing_else_is_sorted(source):
    assert list(with_sorted_sets(source, EVERYWHERE)) == []


def test_only_the_lines_that_ran_are_looked_at():
    source = "x = list({1, 2})\ny = list({3, 4})\n"
    (place,) = with_sorted_sets(source, frozenset({2}))
    assert (place.line, place.text) == (2, "x = list({1, 2})\ny = list(sorted({3, 4}))\n")

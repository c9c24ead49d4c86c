"""Two long values are cut around what differs, so that a reader never sees two equal texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.text.difference import around_difference


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{'acap': 674, 'hcap': 1" + ", 'x': 0" * 60 + ", 'last': 1}", None),
        ("[]", "[1, 2]"),
        ("a" * 500, "a" * 500 + "b"),
    ],
)
def test_what_differs_is_shown(first, second):
    second = second or first.replace("'last': 1", "'last': 2")
    one, other = around_difference(first, second)
    assert one != other
    assert max(len(one), len(other)) <= 76


@given(st.text(max_size=300), st.text(max_size=300))
def test_different_texts_stay_different(first, second):
    one, other = around_difference(first, second)
    assert (one == other) == (first == second)

"""Pointers, computations and formats: what evidence supports, and what it does not."""

from __future__ import annotations

import pytest

from triage.model.claim import Derived, Ref, Unfounded
from triage.model.claim_text import plain_text, show
from triage.model.claim_value import compute
from triage.model.json_pointer import child, resolve, segments

DATA = {
    "a/b": [{"~": 1}, 2, 3],
    "s": "text",
    "n": 4,
    "rows": [{"k": {"x": 1}, "v": 2.5}, {"k": {"x": 2}, "v": None}],
}


def _derived(op, *pointers, **args):
    return Derived(op=op, of=tuple(Ref(source="e", pointer=pointer) for pointer in pointers), args=args)


def test_pointers_go_where_they_say_and_nowhere_else():
    assert resolve(DATA, "") is DATA
    assert resolve(DATA, child(child(child("", "a/b"), 0), "~")) == 1
    assert segments("/a~1b/0") == ["a/b", "0"]
    for pointer in ("/absent", "/a~1b/9", "/a~1b/-1", "/a~1b/00", "/a~1b/x", "/s/0/0", "no-slash", "/n/x"):
        with pytest.raises(Unfounded):
            resolve(DATA, pointer)


@pytest.mark.parametrize(
    ("basis", "value"),
    [
        (_derived("count", "/rows"), 2),
        (_derived("count", "/rows", **{"k.x": 1}), 1),
        (_derived("count", "/rows", **{"k.y": None}), 2),
        (_derived("sum", "/rows", field="v"), 2.5),
        (_derived("mean", "/rows", field="v"), 2.5),
        (_derived("minus", "/n", "/rows/0/v"), 1.5),
        (_derived("percent", "/rows/0/v", "/n"), 62.5),
        (_derived("magnitude", "/n"), 4),
        (_derived("beyond", "/rows", limit=1), 1),
        (_derived("beyond", "/rows", limit=5), 0),
        (_derived("allowed_rate", "/n"), pytest.approx(0.5271, abs=1e-4)),
        (_derived("key", "/rows/0/k"), "k"),
    ],
)
def test_operations(basis, value):
    assert compute(basis, {"e": DATA}) == value


@pytest.mark.parametrize(
    "basis",
    [
        Ref(source="other"),
        _derived("sum", "/rows"),
        _derived("count", "/n"),
        _derived("mean", "/rows", field="absent"),
        _derived("percent", "/n", "/rows/1/v"),
        _derived("minus", "/n"),
        _derived("key", ""),
        Derived(op="key", of=(_derived("count", "/rows"),)),
        _derived("max", "/rows", k="no such"),
    ],
)
def test_what_cannot_be_computed_says_so(basis):
    with pytest.raises(Unfounded):
        compute(basis, {"e": DATA})


@pytest.mark.parametrize(
    ("value", "how", "text"),
    [
        (983760.6858, "num:.2f", "983760.69"),
        (-5.0, "num:+.1f", "-5.0"),
        (1234567, "num:,", "1,234,567"),
        (2.6, "num:d", "3"),
        (0.527, "num:.0%", "53%"),
        ("Infinity", "num:.2f", "inf"),
        ("NaN", "num:", "nan"),
        (None, "prose", "none"),
        (True, "prose", "yes"),
        ([1, "a"], "code", "`1 a`"),
        (0.1, "html", "0.1"),
        ("reports/a b/x", "href:reports/c", "../a%20b/x"),
        ("x" * 9 + "&", "tail:3", "…xx&amp;"),
        ("<", "tail:3", "&lt;"),
        ("", "code", "` `"),
        ("`", "code", "`` ` ``"),
    ],
)
def test_shown(value, how, text):
    assert show(value, how) == text


@pytest.mark.parametrize(
    ("value", "how"),
    [("x", "num:"), (True, "num:"), (1, "num:.999f"), (1, "num:>9"), (1, "nothing"), (1, "tail:x")],
)
def test_what_cannot_be_shown_says_so(value, how):
    with pytest.raises(Unfounded):
        show(value, how)


def test_plain_numbers_do_not_invent_digits():
    assert plain_text(0.1 + 0.2) == "0.3"
    assert plain_text(1e300) == "1e+300"

"""What a failed comparison was like, in words: from messages as libraries write them."""

from __future__ import annotations

import pytest

from triage.cluster.comparison_words import COMPARISON_FIELDS, comparison_in_words
from triage.cluster.explain import shared_in_words
from triage.model.signature import Signature
from triage.signature.number_formats import read_numbers

TORCH = """Tensor-likes are not close!

Mismatched elements: 1 / 30 (3.3%)
Greatest absolute difference: 0.5 at index (2,) (up to 1e-05 allowed)
Greatest relative difference: 0.1 at index (2,) (up to 1.3e-06 allowed)"""


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("assert 0.0 > 1e-10", "zero > a number does not hold"),
        (
            "assert 200.0 < 0.1",
            "a number < a number does not hold; the left side is about 1e3 times the right one",
        ),
        ("assert 1.0 == 2.0", "a number == a number does not hold"),
        (TORCH, "values are not close in one element; the error is about 1e5 times the tolerance"),
        (
            "AssertionError: The values for attribute 'dtype' do not match: torch.float32 != torch.float64.",
            "the dtype differs: torch.float32 != torch.float64",
        ),
        ("no number in it", ""),
    ],
)
def test_the_words(message, words):
    assert comparison_in_words(read_numbers(message).fields()) == words


def test_dtypes_alone_are_said():
    assert comparison_in_words({"dtypes": "float32 float64"}) == "dtypes: float32 float64"


def test_what_failures_share_is_told_in_words_and_every_field_of_numbers_is_one_of_them():
    numbers = read_numbers(TORCH).fields()
    assert set(numbers) <= COMPARISON_FIELDS
    fields = {"exception": "AssertionError", "phase": "call", **numbers}
    told = list(shared_in_words(Signature(id="reason/1:0123456789abcdef", fields=fields)))
    assert told[:2] == ["exception: AssertionError", "phase: call"]
    assert told[2:] == [f"comparison: {comparison_in_words(numbers)}"]

"""Every pattern made by `triage.text.pattern` finds its examples and leaves the others alone."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import triage
from triage.text.pattern import EXAMPLES, pattern

for module in pkgutil.walk_packages(triage.__path__, "triage."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)

IDS = [f"{number}-{example.pattern.pattern.strip()[:30]!r}" for number, example in enumerate(EXAMPLES)]


@pytest.mark.parametrize("example", list(EXAMPLES), ids=IDS)
def test_a_pattern_keeps_to_its_examples(example):
    find = getattr(example.pattern, example.how)
    missed = [text for text in example.matches if not find(text)]
    wrongly_found = [text for text in example.rejects if find(text)]
    assert (missed, wrongly_found) == ([], [])
    assert example.matches
    assert example.rejects


def test_a_wrong_example_is_noticed():
    made = pattern(r"a\d", matches=["a1"], rejects=["b1"])
    example = EXAMPLES.pop()
    assert example.pattern is made
    assert not example.pattern.search(example.rejects[0])

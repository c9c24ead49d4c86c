"""Every pattern made by `triage.text.pattern` finds its examples and leaves the others alone."""

from __future__ import annotations

import importlib
import pkgutil
import zlib

import pytest

import triage
from triage.text.pattern import EXAMPLES, pattern

# their patterns are tried as well, whether or not another test has imported them
importlib.import_module("benchmarks.clustering_data")
importlib.import_module("benchmarks.clustering_peers")
for module in pkgutil.walk_packages(triage.__path__, "triage."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)


def name_of(example):
    """The beginning of a pattern and a checksum of all of it: whoever else imports patterns, ids stay."""
    text = example.pattern.pattern
    return f"{text.strip()[:30]!r}-{zlib.crc32(f'{example.how} {example.matches} {text}'.encode()):08x}"


@pytest.mark.parametrize("example", sorted(EXAMPLES, key=name_of), ids=name_of)
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

"""How two values differ, in a few words."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest

from triage.instruments.differences import difference


@dataclass
class Point:
    x: float
    name: str = "p"


@pytest.mark.parametrize(
    ("got", "due", "found"),
    [
        ("a &quot;b&quot;", 'a "b"', {"kind": "text", "edits": [['"', "&quot;", 2]]}),
        (b"ab", b"aXb", {"kind": "text", "edits": [["aXb", "ab", 1]]}),
        ("x" * 9000 + "1", "x" * 9000 + "2", {"kind": "text", "edits": [["2", "1", 1]]}),
        (2000.0, 2.0, {"kind": "number", "factor": 1000.0, "offset": 1998.0, "digits": 0}),
        (1.0001, 1.0, {"kind": "number", "digits": 4}),
        (float("nan"), 1.0, {"kind": "number", "got": "nan", "due": 1.0}),
        (3, "3", {"kind": "types", "got": "int", "due": "str"}),
        (True, False, {"kind": "bool", "got": True}),
        ([1, 2, 3], [1, 2], {"kind": "tree", "places": [["", {"kind": "length", "got": 3, "due": 2}]]}),
        ({"a": 1}, {"b": 1}, {"places": [["", {"kind": "keys", "missing": ["'b'"], "extra": ["'a'"]}]]}),
        ({1, 2}, {2}, {"places": [["", {"kind": "set", "missing": [], "extra": ["1"]}]]}),
        ({"a": [{"b": 4}]}, {"a": [{"b": 2}]}, {"kind": "tree"}),
        (Point(1.0), Point(2.0), {"kind": "tree"}),
        (np.array([1.0, 4.0]), np.array([1.0, 2.0]), {"wrong": 1, "of": 2, "first": [1], "factor": 2.0}),
        (np.zeros(2), np.zeros(3), {"kind": "array", "shapes": [[2], [3]]}),
        (object(), object(), {"kind": "none"}),
    ],
)
def test_the_difference_is_named(got, due, found):
    said = difference(got, due)
    json.dumps(said, allow_nan=False)
    assert {name: said.get(name) for name in found} == found


def test_a_tree_gives_the_path():
    said = difference({"a": [{"b": 4}]}, {"a": [{"b": 2}]})
    ((path, inner),) = said["places"]
    assert path == ".a[0].b"
    assert inner["factor"] == 2.0


def test_a_comparison_that_raises_says_nothing():
    class Rude:
        def __eq__(self, other):
            raise RuntimeError("no")

        __hash__ = None

    assert difference(Rude(), Rude()) == {"kind": "none"}

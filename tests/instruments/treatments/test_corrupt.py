"""Falsified results: a test that checks what it calls notices, one that does not is found out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict

import pytest

pytestmark = pytest.mark.slow

PRODUCT = """\
from dataclasses import dataclass
from enum import Enum


def number():
    return 2


def truth():
    return True


def words():
    return ["a", "b"]


def inner():
    return 1


def outer():
    return inner() + 1


def nothing():
    return None


class Kind(Enum):
    ONE = 1

    def double(self):
        return self.value * 2


@dataclass(frozen=True)
class Point:
    x: int = 1

    def far(self):
        return self.x > 0

    @property
    def twice(self):
        return self.x * 2

    @staticmethod
    def zero():
        return 0
"""
TESTS = """\
import product
import pytest
from product import Kind, Point, number, outer, words


@pytest.fixture(params=["p"])
def given(request):
    return request.param


def test_strict(given):
    assert number() == 2
    assert words() == ["a", "b"]
    assert product.truth()


def test_loose():
    assert number() or True
    assert len(words()) < 9


def test_methods():
    assert Point().far()
    assert Kind.ONE.double() == 2


def test_outer_alone_is_called_from_here():
    assert outer() == 2


def test_calls_nothing():
    product.nothing()


class TestIn:
    def test_class(self):
        assert number() == 2
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Output and, by test, the outcome for each falsified function."""
    root = tmp_path_factory.mktemp("corrupt")
    (root / "product.py").write_text(PRODUCT)
    (root / "tests").mkdir()
    (root / "tests/test_it.py").write_text(TESTS)
    (root / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    config = root / "instrument.json"
    config.write_text(json.dumps({"out": str(root)}))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "triage.instruments.treatments.corrupt"],
        cwd=root,
        env={**os.environ, "TRIAGE_INSTRUMENT": str(config)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    found: dict = defaultdict(dict)
    for line in (root / "corrupt.jsonl").read_text().splitlines():
        event = json.loads(line)
        found[event["nodeid"].partition("::")[2]][event["mode"]] = event["outcome"]
    return done.stdout, found


def test_the_ordinary_run_is_untouched(ran):
    assert "6 passed" in ran[0]


@pytest.mark.parametrize(
    ("test", "outcomes"),
    [
        ("test_strict[p]", {"number": "failed", "words": "failed", "truth": "failed"}),
        ("test_loose", {"number": "passed", "words": "passed"}),
        ("test_methods", {"Point.far": "failed", "Kind.double": "failed"}),
        ("test_outer_alone_is_called_from_here", {"outer": "failed"}),
        ("test_calls_nothing", {}),
        ("TestIn::test_class", {"number": "failed"}),
    ],
)
def test_each_call_is_falsified_on_its_own(ran, test, outcomes):
    assert ran[1][test] == {f"wrong:product.{name}": outcome for name, outcome in outcomes.items()}

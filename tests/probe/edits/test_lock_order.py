"""Two locks taken in one order: of two objects, and of two names."""

from __future__ import annotations

import pytest

from triage.probe.edits.lock_order import in_one_order

OBJECTS = """\
def transfer(source, target, amount):
    with source.lock:
        check(source, amount)
        with target.lock:
            source.balance -= amount

            target.balance += amount
        note(source)
"""
IN_ORDER = """\
def transfer(source, target, amount):
    # by identity: two calls that meet take the locks of both objects in the same order
    first, second = sorted((source, target), key=id)
    with first.lock, second.lock:
        check(source, amount)
        source.balance -= amount

        target.balance += amount
        note(source)
"""
NAMES = """\
def refresh():
    with RATES_LOCK:
        with CACHE_LOCK:
            CACHE.clear()


def read():
    with CACHE_LOCK:
        with RATES_LOCK:
            return CACHE
"""


@pytest.mark.parametrize("line", [2, 4])
def test_locks_of_two_objects_are_taken_by_identity(line):
    assert in_one_order(OBJECTS, line) == IN_ORDER


def test_of_two_functions_the_one_against_the_order_changes():
    text = in_one_order(NAMES, 2)
    assert text == NAMES.replace(
        "    with RATES_LOCK:\n        with CACHE_LOCK:\n            CACHE",
        "    with CACHE_LOCK, RATES_LOCK:\n        CACHE",
    )
    assert in_one_order(NAMES, 9) is None


def test_names_that_are_taken_are_left_to_their_owner():
    text = in_one_order(OBJECTS.replace("amount)\n", "first)\n", 1).replace("amount", "first"), 2)
    assert "    earlier, later = sorted((source, target), key=id)\n" in text


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    with a.lock:\n        pass\n",
        "def f():\n    with a.lock:\n        with open('x') as file:\n            pass\n",
        "def f():\n    with a.lock, b.lock:\n        pass\n",
        "def f(:\n",
    ],
    ids=["one lock", "a file", "both at once", "no source"],
)
def test_what_holds_no_two_locks_one_after_another_stays(source):
    assert in_one_order(source, 2) is None

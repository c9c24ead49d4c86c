"""A victim that sets what it needs: which calls are written, and where none can be."""

from __future__ import annotations

import pytest

from triage.probe.edits.isolated import LeakedValue, isolated

FILES = ("src/shop/__init__.py", "src/shop/rates.py", "tests/test_a.py")
VICTIM = 'import shop\n\n\ndef test_total():\n    """Totals."""\n    assert shop.total() == 3\n'


def lines_added(*values, source=VICTIM, nodeid="tests/test_a.py::test_total", whole=False):
    text = isolated(source, nodeid, values, FILES, whole=whole)
    return None if text is None else [line for line in text.splitlines() if line not in source.splitlines()]


HEAD = "def test_total(monkeypatch):"


@pytest.mark.parametrize(
    ("value", "added"),
    [
        (LeakedValue("env:MODE", "absent", "set"), [HEAD, '    monkeypatch.delenv("MODE", raising=False)']),
        (
            LeakedValue("attr:shop.rates.DIGITS", "2", "5"),
            [HEAD, '    monkeypatch.setattr("shop.rates.DIGITS", 2)'],
        ),
        (
            LeakedValue("attr:shop.rates.HOOK", "None", "<function f at 0x>"),
            [HEAD, '    monkeypatch.setattr("shop.rates.HOOK", None)'],
        ),
        (
            LeakedValue("attr:shop.rates.RATES", "{'eur': 1, 'usd': 2}", "{'eur': 1, 'usd': 3, 'x': 1}"),
            [
                "import shop.rates",
                HEAD,
                '    monkeypatch.setitem(shop.rates.RATES, "usd", 2)',
                '    monkeypatch.delitem(shop.rates.RATES, "x", raising=False)',
            ],
        ),
        (
            LeakedValue("attr:shop.rates.load", "<functools._lru_cache_wrapper object at 0x>", "x"),
            ["import shop.rates", "    shop.rates.load.cache_clear()"],
        ),
        (
            LeakedValue("cwd", "'/x'", "'/y'"),
            ["import pathlib", HEAD, "    monkeypatch.chdir(pathlib.Path(__file__).parents[1])"],
        ),
    ],
    ids=["variable", "number", "none", "dictionary", "cache", "folder"],
)
def test_the_victim_begins_with_the_clean_value(value, added):
    assert lines_added(value) == added


def test_behind_several_polluters_every_item_is_set():
    value = LeakedValue("attr:shop.rates.RATES", "{'eur': 1, 'usd': 2}", "{'eur': 1, 'usd': 3}")
    assert lines_added(value, whole=True)[2:] == [
        '    monkeypatch.setitem(shop.rates.RATES, "eur", 1)',
        '    monkeypatch.setitem(shop.rates.RATES, "usd", 2)',
    ]


@pytest.mark.parametrize(
    "value",
    [
        LeakedValue("env:MODE", "set", "absent"),
        LeakedValue(
            "attr:shop.rates.POOL", "<shop.rates.Pool object at 0x>", "<shop.rates.Pool object at 0x>"
        ),
        LeakedValue("attr:shop.rates.RATES", "{'eur': 1, 'us...", "{'eur': 2}"),
        LeakedValue("attr:test_a.SEEN", "1", "2"),
        LeakedValue("decimal.context", "", ""),
    ],
    ids=["a value that is not shown", "an object", "cut short", "its own global", "no attribute"],
)
def test_what_cannot_be_written_down_gives_nothing(value):
    assert lines_added(value) is None


def test_a_method_of_a_testcase_can_take_no_fixture():
    source = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        pass\n"
    value = LeakedValue("attr:shop.rates.DIGITS", "2", "5")
    assert lines_added(value, source=source, nodeid="tests/test_a.py::T::test_a") is None

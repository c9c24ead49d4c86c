"""Titles keep what differs: never two equal sides, and never cut before the difference."""

from __future__ import annotations

import pytest

from triage.model.failure import Failure, Frame, Raised
from triage.model.outcome import Phase
from triage.signature.api import title_of

LONG = "a" * 150


def titled(message: str, code: str = "assert f() == g()") -> str:
    frame = Frame(path="tests/test_a.py", lineno=3, function="test_x", code=code, origin="test")
    raised = Raised(type="AssertionError", message=message, relation="raised", frames=(frame,))
    return title_of(
        Failure(nodeid="tests/test_a.py::test_x", phase=Phase.CALL, chain=(raised,), longrepr=message)
    )


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("datetime.datetime(2024, 1, 1, 0, 0)", "datetime.datetime(2024, 1, 1, 0, 0, 0, 1)"),
        ("'2024-01-01T00:00:00'", "'2024-01-01T00:00:00.000001'"),
        ("'/tmp/run-1/a/x.txt'", "'/tmp/run-2/b/x.txt'"),
        ("'127.0.0.1:80'", "'127.0.0.1:8080'"),
        ("UUID('12345678-1234-5678-1234-567812345678')", "UUID('12345678-1234-5678-1234-567812345679')"),
        ("'https://a.example/x'", "'https://b.example/x'"),
        ("'00:1b:44:11:3a:b7'", "'00:1b:44:11:3a:b8'"),
        ("1.5", "1.25"),
    ],
)
def test_two_values_of_one_kind_are_shown(left, right):
    assert titled(f"assert {left} == {right}") == f"assert {left} == {right}"


def test_one_value_is_shown_by_its_kind():
    assert titled("assert '<' in '/tmp/run-1/a/x.txt'") == "assert '<' in '<dir>/x.txt'"


@pytest.mark.parametrize(
    "message",
    [
        "assert 'HTTP://example.com' == 'http://example.com'",
        "assert '/foo/bar/./' == '/foo/bar/'",
        "'//value' != '/value'",
        "assert b'see http://a.example' != b'see'",
    ],
)
def test_an_equality_shows_what_differs(message):
    assert titled(message) == message


def test_the_same_holds_in_words():
    said = titled("expected /tmp/run-1/x.txt but got /tmp/run-2/x.txt")
    assert said == "expected /tmp/run-1/x.txt but got /tmp/run-2/x.txt"


def test_a_long_comparison_is_cut_around_the_first_difference():
    said = titled(f"assert '{LONG}b' == '{LONG}c'")
    assert len(said) <= 120
    left, right = said.removeprefix("assert ").split(" == ")
    assert (left[-2:], right[-2:]) == ("b'", "c'")
    said = titled(f"assert 'b{LONG}' == 'c{LONG}'")
    assert said.startswith("assert 'baaa")
    assert "== 'caaa" in said


def test_of_reprs_that_pytest_cut_alike_the_explanation_tells():
    same = "'aaaaaaaaaa...aaaaaaaaaa'"
    got, due = f"{LONG}b{LONG}", f"{LONG}c{LONG}"
    said = titled(f"assert {same} == {same}\n  \n  - {due}\n  ? {'^':>151}\n  + {got}\n  ? {'^':>151}")
    left, right = said.removeprefix("assert ").split(" == ")
    assert "b" in left
    assert "c" in right
    listed = titled(f"assert [{same}] == [{same}]\n  \n  At index 3 diff: 1 != 2\n  Use -v to get more diff")
    assert listed == "At index 3 diff: 1 != 2"
    items = "  Omitting 2 identical items\n  Differing items:\n  {'b': 1} != {'b': 2}"
    assert titled(f"assert {{{same}}} == {{{same}}}\n  \n{items}") == "{'b': 1} != {'b': 2}"


def test_sides_that_print_alike_are_said_to():
    assert titled("assert nan == nan") == "assert failed though both sides print as nan"
    assert titled("assert 3 != 3") == "assert 3 != 3"


@pytest.mark.parametrize(
    ("message", "code", "title"),
    [
        ("assert False\n +  where False = f()", "assert f()", "assert False: f()"),
        ("assert not True\n +  where True = f()", "assert not f(), 'why'", "assert not True: not f()"),
        ("assert []\n +  where [] = f()", "assert f(1, [2])  # why", "assert []: f(1, [2])"),
        ("assert False", "assert False", "assert False"),
        ("assert None", "assert (", "assert None"),
        ("assert False", "check(f())", "assert False"),
        ("assert False", "x = 1; assert x", "assert False"),
        ("f() is no list", "assert f()", "f() is no list"),
    ],
)
def test_a_bare_value_is_said_to_be_of_what(message, code, title):
    assert titled(message, code) == title


def test_a_long_expression_of_a_bare_value_is_cut():
    assert len(titled("assert False", f"assert f('{LONG}')")) == 120

"""What an assertion compared: sides, kinds, telling values, and who gave None."""

from __future__ import annotations

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from triage.signature.comparison import (
    changed_words,
    given,
    kinds_compared,
    misused,
    none_from,
    sides,
    telling_values,
)


@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        ("assert ({'id': 42}, ...timezone.utc)) == {'id': 42}\n\n  Use -v", "tuple == dict"),
        ("off by one\nassert None == (False, None)\n +  where None = loads(b'x')", "None == tuple"),
        ("assert 'a == b' == 'c'", "str == str"),
        ("assert [1, 2] in {1: 2}", "list in dict"),
        ("assert <Version('1.0')> < Version('2')", "Version < Version"),
        ("assert b'x' is not None", "bytes is not None"),
        ("assert np.False_ == True", "False == True"),
        ("assert {1, 2} == -.5", "set == number"),
        ("assert 'cut ...ort) == [", "str == list"),
        ("assert False", ""),
        ("ValueError: a == b", ""),
    ],
)
def test_kinds(message: str, kinds: str) -> None:
    assert kinds_compared(message) == kinds


def test_values_tell_where_they_are_special() -> None:
    one = telling_values("assert 'Jane Doe of 31' == 'Jane Doe of 30'")
    assert one == telling_values("assert 'Jane Doe of 7' == 'Jane Doe of 8'") != ""
    for usual in ("assert 3 == 4", "assert None == True", "assert 'a' == 'b'", "assert tensor(1.) == 2"):
        assert telling_values(usual) == "", usual
    assert telling_values("assert 'Jane Doe' != 'Jane Doe'") == "", "equal values say nothing of the cause"


NONE = "'NoneType' object"
METHOD = "<bound method Box.area of <Box object at 0x1>>"
BUILT_IN = "<built-in method get of dict object at 0x1>"


@pytest.mark.parametrize(
    ("exception", "message", "code", "names"),
    [
        (
            "AssertionError",
            "assert None == 3\n +  where None = volume(Box())",
            "assert volume(b) == 3",
            ["volume"],
        ),
        ("AssertionError", "assert None\n +  where None = <function area at 0x7f31>(3)", "x", ["area"]),
        ("AssertionError", f"assert None\n +  where None = {METHOD}()", "x", ["area"]),
        ("AttributeError", f"{NONE} has no attribute 'name'", "assert owner(box(3)).name == 'x'", ["owner"]),
        ("AttributeError", f"{NONE} has no attribute 'density'", "return self.gas.density(height)", []),
        ("TypeError", f"{NONE} is not subscriptable", "assert corners(box)[0] == 1", ["corners"]),
        ("TypeError", "object of type 'NoneType' has no len()", "assert len(corners(b)) == 1", ["corners"]),
        ("TypeError", f"{NONE} is not iterable", "for c in zip(corners(a), edges(b)):", []),
        ("AssertionError", f"assert None\n +  where None = {BUILT_IN}('a')", "x", []),
        ("KeyError", f"{NONE} is not subscriptable", "assert corners(box)[0] == 1", []),
        ("AssertionError", "assert None\n +  where None = tensor([2.], requires_grad=True).grad", "x", []),
    ],
)
def test_who_gave_none(exception: str, message: str, code: str, names: list[str]) -> None:
    assert list(none_from(exception, message, code)) == names


def test_only_the_outer_call_gave_what_is_compared() -> None:
    message = "assert (1, 2) == {'a': 1}"
    assert given(message, "assert reader.loads(reader.dumps(x)) == value") == ("loads() gave tuple",)
    assert given(message, "assert len(loads(x)) == value") == ()
    assert given("assert 1 == 2", "assert loads(x) == value") == (), "the right kind, another value"
    assert given(message, "loads(x)") == ()


@pytest.mark.parametrize(
    ("exception", "message", "code", "names"),
    [
        (
            "TypeError",
            "tuple indices must be integers or slices, not str",
            "assert parse(t)['a'] == 1",
            ["tuple"],
        ),
        ("AttributeError", "'str' object has no attribute 'name'", "assert parse(t).name == 1", ["str"]),
        ("AttributeError", "'str' object has no attribute 'name'", "assert parse(t).other == 1", []),
        ("TypeError", "tuple indices must be integers or slices, not str", "assert box['a'] == 1", []),
        ("KeyError", "tuple indices must be", "assert parse(t)['a'] == 1", []),
    ],
)
def test_a_value_of_another_type_is_named_with_its_function(
    exception: str, message: str, code: str, names: list[str]
) -> None:
    assert misused(exception, message, code) == tuple(f"parse() gave {name}" for name in names)


@pytest.mark.parametrize(
    ("left", "right", "changed"),
    [
        ("box mug (9 inch)", "box mug (9 cm)", "'inch' for 'cm'"),
        ("box jar (4.5 inch)", "box jar (4.5 cm)", "'inch' for 'cm'"),
        ("refused", "cannot read", ""),
        ("a 1", "a 2", ""),
        ("shelf of ten boxes", "shelf of boxes", "'ten ' for ''"),
        ("same", "same", ""),
    ],
)
def test_words_that_changed(left: str, right: str, changed: str) -> None:
    assert changed_words(f"assert '{left}' == '{right}'") == changed


@settings(max_examples=200, deadline=None)
@drawn(st.text(alphabet="assert None='()[]{}<>.\"b0 where\n+", max_size=200))
def test_any_text_ends(text: str) -> None:
    assert len(sides("assert " + text)) == 3
    assert isinstance(given("assert " + text, "assert " + text), tuple)
    assert isinstance(none_from("TypeError", text, text), tuple)
    assert isinstance(telling_values("assert " + text), str)


@pytest.mark.parametrize(
    "text", ["f(" * 5000, "(" * 9000 + " == 1", "'" * 9000, "a(b)(" * 3000, " == " * 4000, "a((" * 3000]
)
def test_hostile_texts_end(text: str) -> None:
    message = f"assert {text}\n +  where None = {text}"
    assert isinstance(none_from("AttributeError", f"{NONE} has no attribute 'x'" + message, text), tuple)
    assert isinstance(given(message, "assert " + text[:300]), tuple)
    assert isinstance(kinds_compared(message), str)

"""What was wrong, named so that the same wrong thing is known again, and nothing that chance brings twice."""

from __future__ import annotations

import pytest

from triage.cluster.symptoms import symptoms_of
from triage.instruments.differences import difference
from triage.model.look import TracedFailure


def named(got: object, due: object) -> set[str]:
    failure = TracedFailure(how="value", got=repr(got), due=repr(due), difference=difference(got, due))
    return {symptom.detail for symptom in symptoms_of(failure)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a &quot;b&quot;", 'a "b"'), ("x=&quot;", 'x="')),
        ((2.02, 2.0), (4.04, 4.0)),
        ((6.199999957878788e-10, 1.0), (6.199999957878788e-10, 3.5)),
        (({"name": 1}, {"nombre": 1}), ({"name": 7, "x": 1}, {"nombre": 7, "x": 1})),
        ((["1.5 inch"], ["1.5 centimetre"]), (["7 inch", "8"], ["7 centimetre", "8"])),
    ],
)
def test_the_same_wrong_thing(one: tuple[object, object], other: tuple[object, object]) -> None:
    assert named(*one) & named(*other)


@pytest.mark.parametrize(
    ("got", "due"),
    [
        (3, 4),
        (4, 2),
        (True, False),
        (None, [1]),
        ("a", "b"),
        ("ok", "no"),
        ("", "x"),
        ([1], [1, 2]),
        ("one text", "quite another thing, with nothing in common"),
    ],
)
def test_what_chance_brings_twice_names_nothing(got: object, due: object) -> None:
    assert not named(got, due)


def test_an_address_in_memory_is_no_part_of_what_was_wrong() -> None:
    """A `repr` that was not asked for shows another address in each test."""
    one = named("db.<Name 'tbl' at 0x7F098D8BCAD0>", "db.tbl")
    assert one & named("<Name 'key' at 0x7F098D819550> = 1", "key = 1")
    assert "0x7F098D8BCAD0" not in str(one)


def test_a_long_replaced_piece_tells_wherever_it_came_from() -> None:
    def tells(got: object, due: object) -> set[bool]:
        failure = TracedFailure(how="value", difference=difference(got, due))
        return {symptom.tells_alone for symptom in symptoms_of(failure)}

    assert tells("7 centimetres long", "7 inches long") == {True}
    assert tells("a &gt; b", "a > b") == {False}, "another fault may do that as well"


def test_what_was_redacted_is_no_symptom() -> None:
    """Whatever stood there, the mark is the same."""
    assert not named("token [redacted] of joe", "token abcdefghij of joe")
    assert not named("postgres://[redacted]@db/shop", "x")

"""Join failures by the values that they compared: differences, factors, equal values, changed words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from triage.cluster.context import Context
from triage.cluster.groups import Unit
from triage.cluster.join_rules.unit_view import features, file_of_tests, odd, project_calls
from triage.cluster.union import Join, by_key
from triage.model.signature import Feature


class _InFile(NamedTuple):
    file: str
    value: str


class _DifferenceOf(NamedTuple):
    difference: str
    subject: str


class _FactorOf(NamedTuple):
    factor: str
    calls: tuple[str, ...]


class _ValuesFrom(NamedTuple):
    given: str
    """Which function gave which kind of value."""
    values: str


def same_difference(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """One difference in several messages, in the same attribute; or one so odd that chance is no answer."""

    def of_subjects(unit: Unit) -> Iterator[_DifferenceOf]:
        for difference in features(unit, Feature.DIFFERENCE):
            for subject in features(unit, Feature.SUBJECT):
                if "." in subject or "_" in subject:
                    yield _DifferenceOf(difference, subject)

    def broken(unit: Unit) -> Iterator[str]:
        for difference in features(unit, Feature.DIFFERENCE):
            if not float(difference).is_integer():  # to be off by one means nothing
                yield difference

    def off_by(difference: str) -> str:
        return f"off by {difference} in each"

    yield from by_key(units, of_subjects, "message", lambda key: f"off by {key.difference} in {key.subject}")
    yield from by_key(units, lambda unit: odd(features(unit, Feature.DIFFERENCE)), "message", off_by)
    yield from by_key(units, broken, "message", off_by, proposal=True)


def same_factor(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Results of one function, each wrong by the same factor; elsewhere an odd factor proposes."""

    def of_one_function(unit: Unit) -> Iterator[_FactorOf]:
        calls = project_calls(unit, context)
        if calls:
            for factor in features(unit, Feature.FACTOR):
                yield _FactorOf(factor, calls)

    def times(factor: str) -> str:
        return f"{factor} times what was due in each"

    yield from by_key(units, of_one_function, "message", lambda key: times(key.factor))
    yield from by_key(
        units, lambda unit: odd(features(unit, Feature.FACTOR)), "message", times, proposal=True
    )


def same_values(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """One wrong value where one right value was due: in several tests of a file, or from one function
    wherever it was called; elsewhere a proposal.
    """

    def from_one_function(unit: Unit) -> Iterator[_ValuesFrom]:
        for given in features(unit, Feature.GIVEN):
            for values in features(unit, Feature.VALUES):
                yield _ValuesFrom(given, values)

    def compared(values: str) -> str:
        return f"the same compared: {values}"

    yield from by_key(
        units, lambda unit: _in_file(unit, Feature.VALUES), "message", lambda key: compared(key.value)
    )
    yield from by_key(units, from_one_function, "message", lambda key: compared(key.values))
    yield from by_key(units, lambda unit: features(unit, Feature.VALUES), "message", compared, proposal=True)


def same_words_changed(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Texts that differ from what was due by the same words: in one file they have one cause."""

    def says(words: str) -> str:
        return f"each says {words}"

    yield from by_key(
        units, lambda unit: _in_file(unit, Feature.CHANGED), "message", lambda key: says(key.value)
    )
    yield from by_key(units, lambda unit: features(unit, Feature.CHANGED), "message", says, proposal=True)


def same_kind_given(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Assertions of one test file that got the same wrong kind of value from one function."""
    return by_key(
        units,
        lambda unit: _in_file(unit, Feature.GIVEN),
        "file",
        lambda key: f"{key.value} where another kind was due in {key.file}",
    )


def _in_file(unit: Unit, kind: Feature) -> Iterator[_InFile]:
    """Values of a kind of evidence, each with the test file of the unit."""
    for value in features(unit, kind):
        yield _InFile(file_of_tests(unit), value)

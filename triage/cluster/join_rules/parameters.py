"""Join failures by a parameter value that divides red tests from green ones."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import comb

from triage.cluster.context import Context
from triage.cluster.groups import Unit
from triage.cluster.union import Join, star
from triage.model.cluster import Why
from triage.model.outcome import Outcome
from triage.text.pattern import pattern
from triage.text.plural import counted_noun

_CHANCE = 0.01
"""Probability of a perfect division of so many tests by chance, above which it is no evidence."""
_PARAMETRIZED = pattern(
    r"^(?P<function>[^\[]+)\[(?P<values>.*)\]$",
    flags=re.DOTALL,
    matches=["a.py::test_a[cpu-float32]"],
    rejects=["a.py::test_a"],
    how="match",
)


@dataclass
class _Tests:
    """Tests of one function, or of all functions that have one parameter value."""

    red: set[str] = field(default_factory=set)
    green: set[str] = field(default_factory=set)


def parameter_axis(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Units all of whose tests are red by one value of a parameter."""
    for value, red in dividing_values(context.outcomes).items():
        sharing = [index for index, unit in enumerate(units) if set(unit.members) <= red]
        detail = f"all and only the {counted_noun(len(red), 'test')} with the parameter {value} fail"
        yield from star(sharing, Why(kind="parameter", detail=detail))


def dividing_values(outcomes: Mapping[str, Outcome]) -> dict[str, set[str]]:
    """Parameter values that divide red from green perfectly, each with the red tests, sorted by value."""
    candidates: dict[str, _Tests] = defaultdict(_Tests)
    for tests in _red_functions(outcomes):
        values_of_red = frozenset().union(*(values_of(nodeid) for nodeid in tests.red))
        for value in values_of_red:
            candidates[value].red |= tests.red
            candidates[value].green |= tests.green
    return {value: tests.red for value, tests in sorted(candidates.items()) if _divides(value, tests)}


def values_of(nodeid: str) -> frozenset[str]:
    """The values in a parametrized node id; position does not count, as ids may be reordered."""
    found = _PARAMETRIZED.match(nodeid)
    return frozenset(found["values"].split("-")) if found else frozenset()


def _divides(value: str, tests: _Tests) -> bool:
    """Whether all red tests have the value and no green one has, more often than chance would."""
    if not tests.red or not tests.green:
        return False
    if any(value not in values_of(nodeid) for nodeid in tests.red):
        return False
    if any(value in values_of(nodeid) for nodeid in tests.green):
        return False
    tests_in_all = len(tests.red) + len(tests.green)
    ways_to_be_red = comb(tests_in_all, len(tests.red))  # one of them divides by this value
    return 1 / ways_to_be_red <= _CHANCE


def _red_functions(outcomes: Mapping[str, Outcome]) -> list[_Tests]:
    """Tests of each parametrized function that has red ones."""
    functions: dict[str, _Tests] = defaultdict(_Tests)
    for nodeid, outcome in outcomes.items():
        found = _PARAMETRIZED.match(nodeid)
        if found is None:
            continue
        if outcome.is_red:
            functions[found["function"]].red.add(nodeid)
        elif outcome.is_green:
            functions[found["function"]].green.add(nodeid)
    return [tests for tests in functions.values() if tests.red]

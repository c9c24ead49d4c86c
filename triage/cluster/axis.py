"""The parameter axis: "all and only dtype=float16". A decision stump over parametrize ids of one run.

A parameter value is evidence where, among all tests that have it or one of its alternatives at the same
position, exactly those with it are red, in a number that chance does not explain.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import comb

from triage.cluster.context import Context
from triage.cluster.join import Join, star
from triage.cluster.place import Unit
from triage.model.cluster import Why
from triage.model.outcome import Outcome

_CHANCE = 0.01
"""Probability of a perfect division of so many tests by chance, above which it is no evidence."""
_GREEN = frozenset({Outcome.PASSED, Outcome.XPASSED, Outcome.XFAILED})
_ID = re.compile(r"^(?P<function>[^\[]+)\[(?P<values>.*)\]$", re.DOTALL)


def parameter_axis(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Units all of whose tests are red by one value of a parameter."""
    for value, red in dividing_values(context.outcomes).items():
        sharing = [index for index, unit in enumerate(units) if set(unit.members) <= red]
        detail = f"all and only the {len(red)} tests with the parameter {value} fail"
        yield from star(sharing, Why(kind="parameter", detail=detail))


def dividing_values(outcomes: Mapping[str, Outcome]) -> dict[str, set[str]]:
    """Parameter values that divide red from green perfectly, each with the red tests, sorted by value."""
    tables: dict[str, tuple[set[str], set[str]]] = {}
    for functions in _families(outcomes).values():
        for value, (red, green) in functions.items():
            mine = tables.setdefault(value, (set(), set()))
            mine[0].update(red)
            mine[1].update(green)
    found = {}
    for value, (red, green) in sorted(tables.items()):
        wrong = [t for t in red if value not in values_of(t)] or [t for t in green if value in values_of(t)]
        if red and green and not wrong and 1 / comb(len(red) + len(green), len(red)) <= _CHANCE:
            found[value] = red
    return found


def _families(outcomes: Mapping[str, Outcome]) -> dict[str, dict[str, tuple[set[str], set[str]]]]:
    """Per test function with red tests, per parameter value of a red one: the function's red and green."""
    tests: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for nodeid, outcome in outcomes.items():
        found = _ID.match(nodeid)
        if found is not None and (outcome.is_red or outcome in _GREEN):
            tests[found["function"]][0 if outcome.is_red else 1].add(nodeid)
    return {
        function: dict.fromkeys({v for t in red for v in values_of(t)}, (red, green))
        for function, (red, green) in tests.items()
        if red
    }


def values_of(nodeid: str) -> frozenset[str]:
    """The values in a parametrized node id; position does not count, as ids may be reordered."""
    found = _ID.match(nodeid)
    return frozenset(found["values"].split("-")) if found else frozenset()

"""Evidence from earlier runs: tests that go red and green together, and that broke in the same commits."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import comb

from triage.cluster.context import Context
from triage.cluster.groups import Unit
from triage.cluster.union import Join, by_key, star
from triage.model.cluster import Why
from triage.model.outcome import Outcome

_FLIPS_THAT_TELL = 3
"""Common changes of colour from which on co-failure joins; fewer only propose. One change is a commit on
which much may have broken at once; at three, an accident would have to repeat itself."""


def co_failure(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Units whose tests had the same colours in every earlier run, with changes among them."""
    if not context.history:
        return
    found: dict[tuple[tuple[str, bool], ...], list[int]] = {}
    for index, unit in enumerate(units):
        if colours := _colours(unit, context):
            found.setdefault(colours, []).append(index)
    for colours, sharing in sorted(found.items()):
        flips = sum(one[1] != other[1] for one, other in pairwise(colours))
        if flips:
            detail = f"red and green together in {len(colours)} runs, changing {flips} times"
            yield from star(sharing, Why(kind="co-failure", detail=detail, proposal=flips < _FLIPS_THAT_TELL))


def first_bad(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Units that one and the same commit broke (or one of the same few): a proposal unless it is one."""
    if not context.first_bad:
        return

    def ranges(unit: Unit) -> Iterator[str]:
        suspects = [context.first_bad.get(nodeid) for nodeid in unit.members]
        if suspects and all(suspects):
            common = frozenset.intersection(*(commits for commits in suspects if commits))
            if common:
                yield " ".join(sorted(common))

    yield from by_key(
        units,
        lambda unit: (r for r in ranges(unit) if " " not in r),
        "co-failure",
        lambda c: f"broken by {c}",
    )
    yield from by_key(
        units,
        lambda unit: (commit for r in ranges(unit) for commit in r.split(" ")),
        "co-failure",
        lambda commit: f"the first bad commit of both may be {commit}",
        proposal=True,
    )


def _colours(unit: Unit, context: Context) -> tuple[tuple[str, bool], ...]:
    """The common history of a unit's tests; empty where they differ or have none."""
    histories = {tuple((past.stamp, past.red) for past in context.history.get(n, ())) for n in unit.members}
    return histories.pop() if len(histories) == 1 else ()


_CHANCE = 0.01
"""Probability of a perfect division of so many tests by chance, above which it is no evidence."""
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
        if found is not None and (outcome.is_red or outcome.is_green):
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

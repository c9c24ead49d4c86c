"""Join failures by earlier runs: tests that go red and green together, and that broke in the same commits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from triage.cluster.context import Context
from triage.cluster.groups import Unit
from triage.cluster.union import Join, by_key, star
from triage.model.cluster import Why
from triage.text.plural import counted_noun

_TELLING_CHANGES = 3
"""Common changes of colour from which on co-failure joins; fewer only propose. One change is a commit on
which much may have broken at once; at three, an accident would have to repeat itself."""


class _Colour(NamedTuple):
    """How a test fared in one run."""

    stamp: str
    red: bool


def co_failure(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Units whose tests had the same colours in every earlier run, with changes among them."""
    if not context.history:
        return
    units_by_colours: dict[tuple[_Colour, ...], list[int]] = {}
    for index, unit in enumerate(units):
        colours = _colours(unit, context)
        if colours:
            units_by_colours.setdefault(colours, []).append(index)
    for colours, sharing in sorted(units_by_colours.items()):
        changes = sum(before.red != after.red for before, after in pairwise(colours))
        if changes:
            times = counted_noun(changes, "time")
            detail = f"red and green together in {len(colours)} runs, changing {times}"
            proposal = changes < _TELLING_CHANGES
            yield from star(sharing, Why(kind="co-failure", detail=detail, proposal=proposal))


def first_bad(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Units that one and the same commit broke (or one of the same few): a proposal unless it is one."""
    if not context.first_bad:
        return

    def proven(unit: Unit) -> Iterator[str]:
        suspects = _suspects(unit, context)
        if len(suspects) == 1:
            yield from suspects

    yield from by_key(units, proven, "co-failure", lambda commit: f"broken by {commit}")
    yield from by_key(
        units,
        lambda unit: _suspects(unit, context),
        "co-failure",
        lambda commit: f"the first bad commit of both may be {commit}",
        proposal=True,
    )


def _suspects(unit: Unit, context: Context) -> list[str]:
    """The commits of which one broke every test of the unit that was bisected, sorted.

    One test is bisected for all that fail alike.
    """
    known = [context.first_bad[nodeid] for nodeid in unit.members if nodeid in context.first_bad]
    return sorted(frozenset.intersection(*known)) if known else []


def _colours(unit: Unit, context: Context) -> tuple[_Colour, ...]:
    """The common history of a unit's tests; empty where they differ or have none."""
    histories = set()
    for nodeid in unit.members:
        runs = context.history.get(nodeid, ())
        histories.add(tuple(_Colour(past.stamp, past.red) for past in runs))
    return histories.pop() if len(histories) == 1 else ()

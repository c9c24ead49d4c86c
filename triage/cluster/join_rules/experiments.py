"""Join failures that one changed factor makes pass together; tell apart those of which it moves only some."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from triage.cluster.context import Context, Flip
from triage.cluster.groups import Unit
from triage.cluster.tried_factors import is_specific, tried_factors
from triage.cluster.union import Join, star
from triage.model.cluster import Why


def flipped_together(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Units all of whose tests passed once one specific factor was changed."""
    for factor, tried in tried_factors(context.flips).items():
        if is_specific(factor):
            why = Why(kind="experiment", detail=f"all pass with {factor}{tried.place}")
            yield from star(_within(units, tried.moved), why)


def told_apart(units: Sequence[Unit], flips: Sequence[Flip]) -> frozenset[frozenset[int]]:
    """Pairs of units of which one flipped whole and the other did not move."""
    pairs: set[frozenset[int]] = set()
    for tried in tried_factors(flips).values():
        stayed = _within(units, tried.stayed)
        for one in _within(units, tried.moved):
            pairs.update(frozenset((one, other)) for other in stayed)
    return frozenset(pairs)


def _within(units: Sequence[Unit], nodeids: frozenset[str]) -> list[int]:
    """Indexes of the units all of whose tests are among these."""
    return [index for index, unit in enumerate(units) if nodeids.issuperset(unit.members)]

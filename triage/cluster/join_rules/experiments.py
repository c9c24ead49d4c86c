"""Join failures that one changed factor makes pass together; tell apart those of which it moves only some."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from triage.cluster.context import Context, Flip
from triage.cluster.groups import Unit
from triage.cluster.tried_factors import is_specific, tried_factors
from triage.cluster.union import Join, star
from triage.model.cluster import Why

_LINES = "hunk:"
"""Beginning of factors that take lines of a change back. A joint search finds the fewest for each test."""


def flipped_together(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Units all of whose tests passed once one specific factor was changed."""
    for factor, tried in tried_factors(context.flips).items():
        if is_specific(factor):
            detail = tried.said or f"all pass with {factor}{tried.place}"
            yield from star(_within(units, tried.moved), Why(kind="experiment", detail=detail))


def told_apart(units: Sequence[Unit], flips: Sequence[Flip]) -> frozenset[frozenset[int]]:
    """Pairs of units of which one flipped whole, and the other not, or by other lines of a change."""
    tried = tried_factors(flips)
    pairs: set[frozenset[int]] = set()
    for each in tried.values():
        pairs.update(_pairs(_within(units, each.moved), _within(units, each.stayed)))
    by_lines = [each for factor, each in tried.items() if factor.startswith(_LINES)]
    for one, other in combinations(by_lines, 2):
        # a test that both sets of lines mend has both causes
        pairs.update(_pairs(_within(units, one.moved - other.moved), _within(units, other.moved - one.moved)))
    return frozenset(pairs)


def _pairs(ones: Sequence[int], others: Sequence[int]) -> Iterator[frozenset[int]]:
    for one in ones:
        for other in others:
            yield frozenset((one, other))


def _within(units: Sequence[Unit], nodeids: frozenset[str]) -> list[int]:
    """Indexes of the units all of whose tests are among these."""
    return [index for index, unit in enumerate(units) if nodeids.issuperset(unit.members)]

"""Who may have made a test red, or green, by what every recorded order says of it. Pure.

Each order that was run is an experiment on every test at once. Of a single polluter that nothing undoes: it
ran before its victim in every red run, and in no green one. Of a single setter the same with the colours
exchanged. Five orders leave a few suspects of a thousand, so that the search begins almost at its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """One run of a test among others: what ran before it, and whether the test was red."""

    before: tuple[str, ...]
    """In the order in which they ran."""
    red: bool


def agreed(places: Sequence[Place], *, effect_is_red: bool) -> tuple[str, ...]:
    """The tests of which each alone would explain all runs: before it in all with the effect, in no other."""
    having, harmless = _sorted_out(places, effect_is_red=effect_is_red)
    if not having:
        return ()
    shared = set(having[0].before).intersection(*(place.before for place in having))
    return tuple(nodeid for nodeid in having[0].before if nodeid in shared and nodeid not in harmless)


def suspects(places: Sequence[Place], *, effect_is_red: bool) -> Iterator[tuple[str, ...]]:
    """Ever larger sets of tests, each in a recorded order, that may have the effect on the test.

    First those that every run agrees on; then those of one run that never preceded it without the effect
    (where several tests are each enough); then all of that run (where two are needed together, or another
    test undoes what they did).
    """
    having, harmless = _sorted_out(places, effect_is_red=effect_is_red)
    if not having:
        return
    witness = having[0]
    tried: set[tuple[str, ...]] = set()
    for candidates in (
        agreed(places, effect_is_red=effect_is_red),
        tuple(nodeid for nodeid in witness.before if nodeid not in harmless),
        min((place.before for place in having), key=len),
        witness.before,
    ):
        if candidates and candidates not in tried:
            tried.add(candidates)
            yield candidates


def _sorted_out(places: Sequence[Place], *, effect_is_red: bool) -> tuple[list[Place], set[str]]:
    """The runs that show the effect, with the fewest suspects first; and all tests that did not have it."""
    having = [place for place in places if place.red is effect_is_red and place.before]
    lacking = [place for place in places if place.red is not effect_is_red]
    harmless = set[str]().union(*(place.before for place in lacking))

    def left_to_search(place: Place) -> tuple[int, int]:
        suspected = [nodeid for nodeid in place.before if nodeid not in harmless]
        return len(suspected), len(place.before)

    having.sort(key=left_to_search)
    return having, harmless


def explained(places: Sequence[Place], culprits: Sequence[str], *, effect_is_red: bool) -> bool:
    """Whether the culprits ran before the test in every run that shows the effect: nobody else is needed."""
    wanted = set(culprits)
    return all(wanted <= set(place.before) for place in places if place.red is effect_is_red)


def without(places: Sequence[Place], culprits: Sequence[str]) -> list[Place]:
    """The runs in which not all of the culprits ran before the test."""
    wanted = set(culprits)
    return [place for place in places if not wanted <= set(place.before)]

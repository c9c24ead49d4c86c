"""Find the polluters of a victim, or the setters of a brittle test, with few runs. Pure: runs are passed in.

The search begins with the suspects that the recorded orders leave, and falls back to ever more of a recorded
order where they do not have the effect: then another test undoes it, or several are needed together.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TypeVar

from triage.hunt.suspects import Place, suspects
from triage.lab.protocol import Answer, Look, Observation, Setup, Step
from triage.probe.minimise import minimise

Run = Callable[[tuple[str, ...]], Observation]
"""Runs tests in one process, in this order."""
R = TypeVar("R")


def find_culprits(
    nodeid: str,
    places: Sequence[Place],
    run: Run,
    *,
    effect_is_red: bool,
    preferred: Sequence[frozenset[str]] = (),
) -> tuple[str, ...]:
    """The smallest set of tests, in a recorded order, that makes the test red (or green); empty for none.

    Those of the suspects that are in a `preferred` set are tried by themselves first; of longer orders those
    in the last one, which are the tests of the same file.
    """

    def has_effect(seen: Observation) -> bool:
        return seen.red(nodeid) if effect_is_red else seen.passed(nodeid)

    for candidates in _likely_first(suspects(places, effect_is_red=effect_is_red), preferred):
        if has_effect(run((*candidates, nodeid))):
            if len(candidates) == 1:
                return candidates
            steps = minimise(
                candidates,
                lambda part: Setup(nodeids=(*part, nodeid)),
                has_effect,
                "fewer tests before it",
                width=1,  # side by side a round takes less time and more runs
            )
            return driven(steps, run)
    return ()


def _likely_first(
    sets: Iterator[tuple[str, ...]], preferred: Sequence[frozenset[str]]
) -> Iterator[tuple[str, ...]]:
    """Before the first set of suspects, its parts that are preferred, where they are few of it."""
    first = next(sets, ())
    tried: set[tuple[str, ...]] = set()
    for wanted in preferred:
        part = tuple(nodeid for nodeid in first if nodeid in wanted)
        if part and len(part) * 2 <= len(first) and part not in tried:
            tried.add(part)
            yield part
    if first:
        yield first
    for candidates in sets:
        # a chain of setters stands mostly in the test's own file: a few tests of a long order
        for wanted in preferred[-1:]:
            part = tuple(nodeid for nodeid in candidates if nodeid in wanted)
            if part and len(part) * 2 <= len(candidates) and part not in tried:
                tried.add(part)
                yield part
        yield candidates


def driven(steps: Generator[tuple[Step, ...], tuple[Answer, ...], R], run: Run) -> R:
    """Answer the looks of a search by runs of its tests alone."""
    try:
        asked = next(steps)
        while True:
            asked = steps.send(tuple(run(step.setup.nodeids) for step in asked if isinstance(step, Look)))
    except StopIteration as end:
        result: R = end.value
        return result

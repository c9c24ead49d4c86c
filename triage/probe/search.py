"""Delta debugging as a generator: the smallest part of a set that still does it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

from triage.probe.api import Answer, Observation, Setup, Step, look

T = TypeVar("T")


def minimise(
    items: Sequence[T],
    setup_of: Callable[[tuple[T, ...]], Setup],
    does_it: Callable[[Observation], bool],
    why: str,
    width: int = 2,
) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[T, ...]]:
    """A 1-minimal part of `items` for which `does_it` holds; `items` as a whole must do it.

    Delta debugging (Zeller and Hildebrandt, 2002) with the order kept. One culprit among n takes about
    log2(n) rounds: halves are asked first, and the second half is not asked where the first does it.
    `width` is how many candidates are run at a time.
    """
    kept = tuple(items)
    parts = 2
    while len(kept) >= 2:
        size = -(-len(kept) // parts)
        pieces = [kept[start : start + size] for start in range(0, len(kept), size)]
        found = yield from _first(pieces, setup_of, does_it, why, width)
        if found is not None:
            kept, parts = found, 2
            continue
        if parts > 2:
            rests = [
                tuple(item for other in pieces if other is not piece for item in other) for piece in pieces
            ]
            found = yield from _first(rests, setup_of, does_it, why, width)
            if found is not None:
                kept, parts = found, max(parts - 1, 2)
                continue
        if size == 1:
            break
        parts = min(len(kept), parts * 2)
    return kept


def _first(
    candidates: Sequence[tuple[T, ...]],
    setup_of: Callable[[tuple[T, ...]], Setup],
    does_it: Callable[[Observation], bool],
    why: str,
    width: int,
) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[T, ...] | None]:
    for start in range(0, len(candidates), width):
        asked = candidates[start : start + width]
        runs = yield from look(*(setup_of(part) for part in asked), why=why)
        for part, run in zip(asked, runs, strict=False):
            if does_it(run):
                return part
    return None

"""Delta debugging as a generator: the smallest part of a set that still does it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

from triage.lab.protocol import Answer, Observation, Setup, Step
from triage.probe.api import look

T = TypeVar("T")


def minimise(
    items: Sequence[T],
    setup_of: Callable[[tuple[T, ...]], Setup],
    does_it: Callable[[Observation], bool],
    why: str,
    width: int = 2,
) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[T, ...]]:
    """A 1-minimal part of `items` for which `does_it` holds; `items` as a whole must do it.

    One culprit is the common case, so it is looked for first, as if there were no other: parts are asked
    and the last one is taken on trust where none of the others does it. A last run tells whether the trust
    was right; where it was not, delta debugging (Zeller and Hildebrandt, 2002) finds the joint set. The
    order of the items is kept. `width` is how many candidates are run at a time.
    """
    alone = yield from _only_one(tuple(items), setup_of, does_it, why, width)
    if alone is not None:
        return alone
    return (yield from _joint(tuple(items), setup_of, does_it, why, width))


def _only_one(
    items: tuple[T, ...],
    setup_of: Callable[[tuple[T, ...]], Setup],
    does_it: Callable[[Observation], bool],
    why: str,
    width: int,
) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[T, ...] | None]:
    """One item that does it alone, in about log(n) / log(width + 1) rounds; None where none was found."""
    kept, trusted = items, False
    while len(kept) > 1:
        pieces = _pieces(kept, width + 1)
        found = yield from _first(pieces[:-1], setup_of, does_it, why, width)
        kept, trusted = (pieces[-1], True) if found is None else (found, False)
    if not trusted:
        return kept
    (run,) = yield from look(setup_of(kept), why=why)
    return kept if does_it(run) else None


def _pieces(items: tuple[T, ...], parts: int) -> list[tuple[T, ...]]:
    size = -(-len(items) // min(parts, len(items)))
    return [items[start : start + size] for start in range(0, len(items), size)]


def _joint(
    items: tuple[T, ...],
    setup_of: Callable[[tuple[T, ...]], Setup],
    does_it: Callable[[Observation], bool],
    why: str,
    width: int,
) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[T, ...]]:
    kept = items
    parts = 2
    while len(kept) >= 2:
        pieces = _pieces(kept, parts)
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
        if len(pieces) == len(kept):
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

"""Find the smallest part of a set that has an effect, by delta debugging."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

from triage.lab.protocol import Answer, Observation, Setup, Step
from triage.probe.api import look

T = TypeVar("T")


def minimise(
    items: Sequence[T],
    setup_of: Callable[[tuple[T, ...]], Setup],
    has_effect: Callable[[Observation], bool],
    why: str,
    width: int = 2,
) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[T, ...]]:
    """A 1-minimal part of `items` whose run has the effect; `items` as a whole must have it.

    `setup_of` is the run of a part, `has_effect` tells from its observation; `width` parts are run at a time.
    One culprit is the common case, so it is searched first as if there were no other: where none of the
    other parts has the effect, the last one is taken to have it without a run. A final run checks that;
    where it was wrong, delta debugging (Zeller and Hildebrandt, 2002) finds the joint set. The order of the
    items is kept.
    """
    alone = yield from _only_one(tuple(items), setup_of, has_effect, why, width)
    if alone is not None:
        return alone
    return (yield from _joint(tuple(items), setup_of, has_effect, why, width))


def _only_one(
    items: tuple[T, ...],
    setup_of: Callable[[tuple[T, ...]], Setup],
    has_effect: Callable[[Observation], bool],
    why: str,
    width: int,
) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[T, ...] | None]:
    """One item that has the effect alone, in about log(n) / log(width + 1) rounds; None for none."""
    kept, trusted = items, False
    while len(kept) > 1:
        pieces = _pieces(kept, width + 1)
        found = yield from _first(pieces[:-1], setup_of, has_effect, why, width)
        kept, trusted = (pieces[-1], True) if found is None else (found, False)
    if not trusted:
        return kept
    (run,) = yield from look(setup_of(kept), why=why)
    return kept if has_effect(run) else None


def _pieces(items: tuple[T, ...], parts: int) -> list[tuple[T, ...]]:
    """The items cut into at most so many pieces of about one size."""
    size = -(-len(items) // min(parts, len(items)))
    return [items[start : start + size] for start in range(0, len(items), size)]


def _joint(
    items: tuple[T, ...],
    setup_of: Callable[[tuple[T, ...]], Setup],
    has_effect: Callable[[Observation], bool],
    why: str,
    width: int,
) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[T, ...]]:
    """Delta debugging: halves, then finer pieces and what is left without one of them."""
    kept = items
    parts = 2
    while len(kept) >= 2:
        pieces = _pieces(kept, parts)
        found = yield from _first(pieces, setup_of, has_effect, why, width)
        if found is not None:
            kept, parts = found, 2
            continue
        if parts > 2:
            complements = [_without(pieces, piece) for piece in pieces]
            found = yield from _first(complements, setup_of, has_effect, why, width)
            if found is not None:
                kept, parts = found, max(parts - 1, 2)
                continue
        if len(pieces) == len(kept):
            break
        parts = min(len(kept), parts * 2)
    return kept


def _without(pieces: list[tuple[T, ...]], left_out: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(item for piece in pieces if piece is not left_out for item in piece)


def _first(
    candidates: Sequence[tuple[T, ...]],
    setup_of: Callable[[tuple[T, ...]], Setup],
    has_effect: Callable[[Observation], bool],
    why: str,
    width: int,
) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[T, ...] | None]:
    """The first candidate with the effect; None where none has it."""
    for start in range(0, len(candidates), width):
        batch = candidates[start : start + width]
        runs = yield from look(*(setup_of(part) for part in batch), why=why)
        for part, run in zip(batch, runs, strict=False):
            if has_effect(run):
                return part
    return None

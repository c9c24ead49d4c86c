"""Bisect for all victims at once: each run halves the suspects of every one of them. Pure.

A run of some tests, and all victims behind them, says of each victim whether one of its own suspects was
among them. So the halves of a hundred searches share their runs, and all of them are over after as many as
the longest one would have needed alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil, log2

_SPARE_ROUNDS = 2
"""Beyond those of a search that halves exactly: one half serves many victims, and few of them exactly."""


def bisect_together(
    suspects_now: Callable[[], Mapping[str, Sequence[str]]],
    run: Callable[[tuple[str, ...], tuple[str, ...]], None],
) -> None:
    """Run orders until each victim has one suspect, or none that the runs agree on.

    `suspects_now` gives the suspects of each victim by all runs so far; `run` runs some tests, then each
    victim behind them, and adds that to the runs. A victim of whom a run says nothing new is left to a
    search of its own.
    """
    longest = max(map(len, suspects_now().values()), default=0)
    given_up: set[str] = set()
    for _ in range(ceil(log2(max(longest, 1))) + _SPARE_ROUNDS):
        waiting = {
            victim: tests
            for victim, tests in suspects_now().items()
            if len(tests) > 1 and victim not in given_up
        }
        half = half_of(waiting)
        if not half:
            return
        run(half, tuple(waiting))
        after = suspects_now()
        given_up |= {victim for victim, tests in waiting.items() if set(after[victim]) >= set(tests)}


def half_of(suspects: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Tests of which each victim suspects about half; no victim is among them."""
    lead: dict[str, int] = dict.fromkeys(suspects, 0)
    """How many more of a victim's suspects are in than out."""
    victims_of: dict[str, list[str]] = {}
    for victim, tests in suspects.items():
        for test in tests:
            victims_of.setdefault(test, []).append(victim)
    chosen: list[str] = []
    for test, victims in victims_of.items():
        if test in suspects:
            continue
        is_in = sum(lead[victim] for victim in victims) <= 0
        for victim in victims:
            lead[victim] += 1 if is_in else -1
        if is_in:
            chosen.append(test)
    return tuple(chosen)

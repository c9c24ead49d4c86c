"""Measure what a repair costs the tests beside it, where its run of the chunk took suspiciously long.

A fixture that copies much state around every test can make a suite many times slower. Seconds depend on what
else the machine does, so a suspicion is measured again: the chunk with the option and without, side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triage.lab.lab import Lab
from triage.lab.protocol import Look, Observation, Setup
from triage.model.run import Chunk

_TIMES_SLOWER, _SECONDS_SLOWER = 2.0, 2.0
"""The tests take at least so many times as long, and so many seconds more: less is the machine's noise."""


@dataclass(frozen=True)
class ChunkCost:
    """Seconds that the tests of a chunk took, measured beside each other."""

    with_option: float
    without: float

    @property
    def is_dear(self) -> bool:
        """Whether the option makes the chunk so much slower that it counts against it."""
        return _is_much_slower(self.with_option, self.without)


def costs(
    lab: Lab, chunk: Chunk, recorded: float | None, runs: Sequence[tuple[Mapping[str, Any], Observation]]
) -> list[ChunkCost | None]:
    """For each option its cost where it was measured; None where its run took no suspicious time.

    `recorded` are the seconds that the tests took in the run that failed, None where it does not tell; `runs`
    are fields of the setup with an option, and its run of the chunk.
    """
    seconds = [seconds_of_tests(run) for _, run in runs]
    usual = min([*seconds, *([recorded] if recorded is not None else [])], default=0.0)
    suspects = [at for at, taken in enumerate(seconds) if _is_much_slower(taken, usual)]
    found: list[ChunkCost | None] = [None] * len(runs)
    if not suspects:
        return found
    looks = [Look(setup=Setup(nodeids=chunk.nodeids), why=f"seconds of {chunk.name} without an option")]
    for at in suspects:
        setup = Setup(nodeids=chunk.nodeids, **runs[at][0])
        looks.append(Look(setup=setup, why=f"seconds of {chunk.name} with the option"))
    without, *again = lab.look(looks)
    for at, run in zip(suspects, again, strict=True):
        found[at] = ChunkCost(round(seconds_of_tests(run), 3), round(seconds_of_tests(without), 3))
    return found


def seconds_of_tests(run: Observation) -> float:
    """Seconds of all tests of a run, with their set-up and teardown, without the start of the process."""
    return sum(run.durations.values())


def _is_much_slower(taken: float, usual: float) -> bool:
    return taken >= _TIMES_SLOWER * usual and taken - usual >= _SECONDS_SLOWER

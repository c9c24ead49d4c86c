"""Ask of a test that is newly red beside a repair whether the repair did it, before the repair is rejected.

A flaky neighbour is red by chance: it is run again, on the tree as it is and with the option, in the same
chunk and order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triage.lab.lab import Lab
from triage.lab.protocol import Look, Observation, Setup
from triage.model.run import Chunk
from triage.text.plural import counted_noun

_AGAIN = 3
"""Runs of the chunk on either side: a test that the repair breaks is red in each with it, in none without."""


@dataclass(frozen=True)
class Suspicion:
    """Tests that were green before and are red with one option, in the chunk's first run with it."""

    changes: Mapping[str, Any]
    """Fields of the setup of a run with the option."""
    nodeids: tuple[str, ...]


def excuses(lab: Lab, chunk: Chunk, suspicions: Sequence[Suspicion]) -> list[dict[str, str]]:
    """For each suspicion the tests that are not held against the option, each with the reason as a clause."""
    wanted = [suspicion for suspicion in suspicions if suspicion.nodeids]
    if not wanted:
        return [{} for _ in suspicions]
    as_it_is = Look(setup=Setup(nodeids=chunk.nodeids), why=f"{chunk.name} without an option")
    looks = [as_it_is] * _AGAIN
    for suspicion in wanted:
        setup = Setup(nodeids=chunk.nodeids, **suspicion.changes)
        looks += [Look(setup=setup, why=f"{chunk.name} with the option again")] * _AGAIN
    observations = iter(lab.look(looks))
    without = [next(observations) for _ in range(_AGAIN)]
    answers: list[dict[str, str]] = []
    for suspicion in suspicions:
        if not suspicion.nodeids:
            answers.append({})
            continue
        again = [next(observations) for _ in range(_AGAIN)]
        reasons = {nodeid: _reason(nodeid, without, again) for nodeid in suspicion.nodeids}
        answers.append({nodeid: reason for nodeid, reason in reasons.items() if reason is not None})
    return answers


def _reason(nodeid: str, without: Sequence[Observation], again: Sequence[Observation]) -> str | None:
    """Why a test is not held against an option; None where it is."""
    red_without = sum(run.red(nodeid) for run in without)
    red_with = 1 + sum(run.red(nodeid) for run in again)
    if red_without:
        return f"red without the option too, in {red_without} of {counted_noun(len(without), 'run')}"
    if red_with == 1:
        return f"red in 1 of {counted_noun(1 + len(again), 'run')} with the option, so by chance"
    return None

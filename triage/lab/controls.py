"""Keep the runs of a laboratory: experiments count failing runs of the unchanged case in their baselines.

A run is kept by its full conditions (setup and limits). It serves as a control of every experiment whose
baseline differs from it at most in instruments that do nothing. It is counted as what it is, one run of the
baseline, so a proof rests on as many runs as ever; and some runs of each baseline stay new:

- the last round always has both arms, so that what changed meanwhile shows;
- another one, where the instruments of the baseline are not those of the kept runs (the placebo);
- all of them, where the case has ever passed unchanged: for a flaky one each run counts anew.

The first run of each case never counts: it was chosen because it failed.

A look that asks what a test executes, and not how it ends, may take a kept run that had its meters.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass

from triage.lab.protocol import Experiment, Observation, Setup
from triage.lab.verdict import interleaved
from triage.model.run import Limits

_NEW_WITH_SAME_INSTRUMENTS = 1
"""Runs of a baseline that are made for its experiment: the last round."""
_NEW_WITH_OTHER_INSTRUMENTS = 2
"""... and a first one, because idle instruments could do something after all."""

_SIDE_BY_SIDE = 2
"""Runs of one round: as many as the arms of an experiment."""


@dataclass(frozen=True)
class _Kept:
    """A run, and under which conditions it was made."""

    conditions: str
    """With all instruments."""
    instruments: frozenset[str]
    run: Observation
    opened_case: bool
    """Whether it was the first run of its setup, under whatever limits."""


class Controls:
    """What one laboratory has run so far; several threads may add to it."""

    def __init__(self) -> None:
        """Nothing has been seen."""
        self._runs: dict[str, list[_Kept]] = defaultdict(list)
        """By conditions without idle instruments."""
        self._opened: set[str] = set()
        """Setups, without idle instruments, that have run."""
        self._mutex = threading.Lock()

    def add(self, setup: Setup, limits: Limits, run: Observation) -> None:
        """Keep a run."""
        case = _without_idle(setup)
        name = case.model_dump_json()
        with self._mutex:
            opens_case = name not in self._opened
            self._opened.add(name)
            kept = _Kept(_key(setup, limits), frozenset(setup.instruments), run, opens_case)
            self._runs[_key(case, limits)].append(kept)

    def forget_forks(self) -> None:
        """Keep new interpreters alone: forks have turned out to end otherwise."""
        with self._mutex:
            for kept in self._runs.values():
                kept[:] = [each for each in kept if not each.run.forked]

    def measured(self, setup: Setup, limits: Limits) -> Observation | None:
        """The latest run under these conditions that had at least the setup's meters."""
        meters = {name for name, given in setup.instruments.items() if not given}
        with self._mutex:
            runs = list(self._runs[_key(_without_idle(setup), limits)])
        return next((kept.run for kept in reversed(runs) if meters <= kept.instruments), None)

    def for_baseline(self, experiment: Experiment, limits: Limits, *, forks: bool) -> list[Observation]:
        """Earlier runs that count in the experiment's baseline; none unless all of them failed.

        Without `forks`, where the treated arm may not fork, only new interpreters count.
        """
        baseline = experiment.baseline
        with self._mutex:
            runs = list(self._runs[_key(_without_idle(baseline), limits)])
        if not all(experiment.is_red(kept.run) for kept in runs):
            return []
        runs = [kept for kept in runs if not kept.opened_case and (forks or not kept.run.forked)]
        exact = _key(baseline, limits)
        same = [kept.run for kept in runs if kept.conditions == exact]
        others = [kept.run for kept in runs if kept.conditions != exact]
        most_same = max(0, experiment.repeats - _NEW_WITH_SAME_INSTRUMENTS)
        most_others = max(0, experiment.repeats - _NEW_WITH_OTHER_INSTRUMENTS)
        counted = same[:most_same]
        if len(counted) < most_others:
            counted += others[: most_others - len(counted)]
        return counted


def rounds_beside(kept: int, repeats: int) -> list[tuple[str, ...]]:
    """Rounds of the two arms, A the baseline, where `kept` runs of the baseline are known already.

    The treated arm runs as often as ever: side by side in the rounds that need no baseline.
    """
    with_both = interleaved(repeats - kept)
    if not kept:
        return [*with_both]
    without_baseline = ["B"] * kept
    between: list[tuple[str, ...]] = []
    if len(with_both) == 1:
        # a treatment that does nothing is known after one run
        between.append((without_baseline.pop(),))
    while without_baseline:
        between.append(tuple(without_baseline[:_SIDE_BY_SIDE]))
        del without_baseline[:_SIDE_BY_SIDE]
    return [*with_both[:-1], *between, with_both[-1]]


def _without_idle(setup: Setup) -> Setup:
    active = {name: given for name, given in setup.instruments.items() if any(given.values())}
    return setup.model_copy(update={"instruments": active})


def _key(setup: Setup, limits: Limits) -> str:
    return f"{setup.model_dump_json()} {limits.model_dump_json()}"

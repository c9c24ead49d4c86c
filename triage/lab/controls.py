"""Keep the failing runs of the unchanged case: experiments count them in their baselines.

A run is kept by its full conditions (setup and limits). It serves as a control of every experiment whose
baseline differs from it at most in instruments that do nothing. It is counted as what it is, one run of the
baseline, so a proof rests on as many runs as ever; and some runs of each baseline stay new:

- the last round always has both arms, so that what changed meanwhile shows;
- another one, where the instruments of the baseline are not those of the kept runs (the placebo);
- all of them, where the case has ever passed unchanged: for a flaky one each run counts anew.

The first run of each case never counts: it was chosen because it failed.
"""

from __future__ import annotations

import threading
from collections import defaultdict

from triage.lab.protocol import Experiment, Observation, Setup
from triage.lab.verdict import interleaved
from triage.model.run import Limits

_NEW_WITH_SAME_INSTRUMENTS = 1
"""Runs of a baseline that are made for its experiment: the last round."""
_NEW_WITH_OTHER_INSTRUMENTS = 2
"""... and a first one, because idle instruments could do something after all."""

_SIDE_BY_SIDE = 2
"""Runs of one round: as many as the arms of an experiment."""


class Controls:
    """What one laboratory has seen of setups that change nothing; several threads may add to it."""

    def __init__(self) -> None:
        """Nothing has been seen."""
        self._runs: dict[str, list[tuple[str, Observation]]] = defaultdict(list)
        """By conditions without idle instruments: the exact conditions, and the run."""
        self._mutex = threading.Lock()

    def add(self, setup: Setup, limits: Limits, run: Observation) -> None:
        """Keep a run."""
        with self._mutex:
            self._runs[_key(_without_idle(setup), limits)].append((_key(setup, limits), run))

    def for_baseline(self, experiment: Experiment, limits: Limits, *, forks: bool) -> list[Observation]:
        """Earlier runs that count in the experiment's baseline; none unless all of them failed.

        Without `forks`, where the treated arm may not fork, only new interpreters count.
        """
        baseline = experiment.baseline
        with self._mutex:
            runs = list(self._runs[_key(_without_idle(baseline), limits)])
        if not all(experiment.is_red(run) for _, run in runs):
            return []
        runs = [(conditions, run) for conditions, run in runs[1:] if forks or not run.forked]
        exact = _key(baseline, limits)
        same = [run for conditions, run in runs if conditions == exact]
        others = [run for conditions, run in runs if conditions != exact]
        most_same = max(0, experiment.repeats - _NEW_WITH_SAME_INSTRUMENTS)
        most_others = max(0, experiment.repeats - _NEW_WITH_OTHER_INSTRUMENTS)
        kept = same[:most_same]
        if len(kept) < most_others:
            kept += others[: most_others - len(kept)]
        return kept


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

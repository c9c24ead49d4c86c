"""Say which question is asked, of which test, in how many runs, and how long that may still take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from triage.lab.protocol import Experiment, Look, Setup


@dataclass
class Pace:
    """How long runs take, as the latest ones did; a fork takes a fraction of a new interpreter."""

    workers: int
    seconds: float = 0.0
    """Of the slowest run of the latest question; 0 before the first."""

    def of(self, runs: int) -> float:
        """Seconds for so many runs from now on, the workers side by side."""
        return math.ceil(runs / self.workers) * self.seconds


def of_looks(looks: Sequence[Look]) -> str:
    """The question of a batch of looks: each distinct one, and of which test."""
    asked = dict.fromkeys(look.why for look in looks if look.why)
    question = "; ".join(asked) or "one look"
    subjects = {_subject(look.setup) for look in looks}
    return f"{question} [{subjects.pop() if len(subjects) == 1 else f'{len(subjects)} selections'}]"


def of_experiment(experiment: Experiment) -> str:
    """The question of an experiment: whether its factor decides over the tests that it watches."""
    factor = experiment.factor
    named = "the change" if factor is None else f"{factor.kind} {factor.name}"
    more = len(experiment.watch) - 1
    others = f" and {more} more" if more else ""
    return f"{experiment.probe}: does {named} decide? [{experiment.watch[0]}{others}]"


def of_experiments(experiments: Sequence[Experiment]) -> str:
    """The question of experiments that share their runs."""
    first = of_experiment(experiments[0])
    return (
        first
        if len(experiments) == 1
        else f"{len(experiments)} experiments in the same runs; the first: {first}"
    )


def with_time(question: str, runs: int, pace: Pace, seconds_left: float) -> str:
    """The question with what its runs may take, and what is left of a budget."""
    words = []
    if pace.seconds:
        words.append(f"about {max(1.0, pace.of(runs)):.0f} s")
    if math.isfinite(seconds_left):
        words.append(f"{max(0.0, seconds_left):.0f} s of the budget left")
    return f"{question} ({', '.join(words)})" if words else question


def _subject(setup: Setup) -> str:
    """The test that is asked about: the last one, which runs behind all others."""
    if not setup.nodeids:
        return "the whole suite"
    others = len(setup.nodeids) - 1
    return f"{setup.nodeids[-1]} behind {others} more" if others else setup.nodeids[0]

"""What an investigation may spend, and what it has spent so far."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from triage.model.base import World

_GRACE = 0.05
"""Part of the budget by which a run that has begun may exceed it."""
_LEAST_CLOSING, _MOST_CLOSING = 1.0, 0.1
"""What the end of a command needs, to write its report and to tidy up: seconds, and at most this part of the
budget."""
_CLOSING_TO_START = 1.5
"""... and so many times what its start has taken: on a busy machine both take longer."""
MOST_RUNS = 2000
"""A guard against a search that does not end; the longest real one took 300 runs."""


class BudgetSpent(Exception):
    """No time or no run is left; what was found so far stands."""


@dataclass(frozen=True)
class Budget:
    """How much a probe may take."""

    seconds: float
    runs: int = MOST_RUNS
    repeats: int | None = None
    """Repeats of each arm; None leaves it to the probes (4 where the failure is steady)."""


UNLIMITED = Budget(seconds=float("inf"))
"""A design and a verification run what they must, however long it takes."""


class Spending:
    """The time and the runs taken from a budget; several threads may take runs."""

    def __init__(
        self,
        budget: Budget,
        clock: Callable[[], float],
        *,
        started: float | None = None,
        closing: float = 0.0,
    ) -> None:
        """`clock` gives seconds from an arbitrary start; the time counts from `started`, or from now.

        `closing` seconds at its end are no time for runs.
        """
        self.budget = budget
        self.runs = 0
        self._clock = clock
        self._started = clock() if started is None else started
        self._closing = closing
        self._lock = threading.Lock()

    @classmethod
    def of_command(cls, budget: Budget, world: World) -> Spending:
        """A budget for all that a command does, from its start to its last write."""
        now = world.monotonic()
        started = now if world.began is None else world.began
        closing = max(_LEAST_CLOSING, _CLOSING_TO_START * (now - started))
        return cls(
            budget, world.monotonic, started=started, closing=min(closing, _MOST_CLOSING * budget.seconds)
        )

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._started

    @property
    def seconds_left(self) -> float:
        """Seconds until no further run may begin; below zero afterwards."""
        return self.budget.seconds - self._closing - self.seconds

    @property
    def deadline(self) -> float:
        """The moment of the clock at which even what has begun must end; infinity is none."""
        return self._started + (1 + _GRACE) * self.budget.seconds - self._closing

    def is_over(self) -> bool:
        """Whether even what has begun must end now."""
        return self._clock() > self.deadline

    def take_run(self) -> int:
        """Count one more run and return its number, from 1. Raises `BudgetSpent` where none is left."""
        with self._lock:
            if self.seconds_left <= 0 or self.runs >= self.budget.runs:
                raise BudgetSpent
            self.runs += 1
            return self.runs

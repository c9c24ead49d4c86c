"""Say when running processes should end before they are done; executors ask several times a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf


def never() -> bool:
    """For work that nothing ends early."""
    return False


@dataclass(frozen=True)
class StopOrDeadline:
    """Whether work should end: because what it belongs to ends, or because its own time is up."""

    stop: Callable[[], bool]
    """Whether what the work belongs to should end."""
    deadline: float
    """A moment of `monotonic`; infinity is none."""
    monotonic: Callable[[], float]
    """Seconds from an arbitrary start."""

    @classmethod
    def after(
        cls, seconds: float | None, stop: Callable[[], bool], monotonic: Callable[[], float]
    ) -> StopOrDeadline:
        """A deadline so many seconds from now; None is none."""
        deadline = inf if seconds is None else monotonic() + seconds
        return cls(stop, deadline, monotonic)

    def __call__(self) -> bool:
        """Whether to stop now."""
        return self.stop() or not self.has_time_for(0.0)

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline; below zero afterwards."""
        return self.deadline - self.monotonic()

    def has_time_for(self, seconds: float) -> bool:
        """Whether a run of so many seconds would end before the deadline."""
        return seconds <= self.seconds_left

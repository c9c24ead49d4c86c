"""Count what a hunt runs by what it is for. Pure: counters are passed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

FILE_ORDER = "file order, twice"
ORDERS = "orders"
ALONE_AND_TWICE = "alone and twice"
BEHIND_WRITERS = "behind what others leave"
OWN_FILES = "each file by itself"
FACTORS = "environment, time, chance, numbers"
SEARCH = "search of culprits"
CONFIRMATION = "confirmation"
EXPLANATION = "leaked state, writer, repair"
OTHER = "other"
"""What no purpose was named for: comparing forks with new interpreters."""


@dataclass(frozen=True)
class Counters:
    """Readings of what was run so far."""

    executions: int = 0
    processes: int = 0
    seconds: float = 0.0

    def plus(self, later: Counters, earlier: Counters) -> Counters:
        """These, and what was added between two readings."""
        return Counters(
            self.executions + later.executions - earlier.executions,
            self.processes + later.processes - earlier.processes,
            self.seconds + later.seconds - earlier.seconds,
        )


class Purposes:
    """Lays what is run to the purpose that was named last, in the one thread that waits for all of it."""

    def __init__(self, read: Callable[[], Counters]) -> None:
        """`read` gives the readings of the moment."""
        self._read = read
        self._latest = read()
        self._current = OTHER
        self._spent: dict[str, Counters] = {}

    @contextmanager
    def named(self, purpose: str) -> Iterator[None]:
        """What runs inside is for this purpose, except for what an inner block names otherwise."""
        self._settle()
        outer, self._current = self._current, purpose
        try:
            yield
        finally:
            self._settle()
            self._current = outer

    def spent(self) -> dict[str, Counters]:
        """What each purpose took so far, in the order in which they came first."""
        self._settle()
        return dict(self._spent)

    def _settle(self) -> None:
        now = self._read()
        before = self._spent.get(self._current, Counters())
        if now != self._latest:
            self._spent[self._current] = before.plus(now, self._latest)
        self._latest = now

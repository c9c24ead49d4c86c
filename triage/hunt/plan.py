"""Which arms of a hunt fit into its budget: cheapest and likeliest first. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SQUARES = 5
"""Rows of squares in one hunt: of 198 latent tests of public projects, five shuffles, the reversed order,
each test alone and each test twice show 179."""
SQUARES_BESIDE_WRITERS = 1
"""Rows where nobody leaves anything, or each test runs directly behind whoever does, too: they show what no
tracer sees, and the next hunt goes on with further ones."""
TRYING_SHARES = (0.45, 0.75)
"""Shares of the budget by which trying ends, the best value first: what was red by then is proven before the
rest is tried. What is left explains the proofs: what leaks, who writes it, what repairs it."""
EXTRA_SECONDS = 120.0
SUITES = 2.0
"""The budget by default: twice the suite's time and two minutes."""
CHILD_SECONDS = 0.008
"""To fork a process for one test among those that share a working copy, and to wait for it."""
FORK_SECONDS = 0.06
"""To fork, to put the working copy back and to end a process, for one test alone."""


@dataclass(frozen=True)
class Arm:
    """One thing to try, with what it costs."""

    name: str
    seconds: float
    """Expected, on all workers together."""
    worth: float
    """Latent tests that it shows in a suite that has them, relative to the other arms."""
    is_late: bool = False
    """Whether what was red by then is proven first."""
    members: tuple[str, ...] = ()
    """Arms that it tries at once, in one process."""

    @property
    def rank(self) -> float:
        """Sorts the best value first; what costs almost nothing is no better than what costs a second."""
        return -self.worth / max(self.seconds, 1.0)


@dataclass(frozen=True)
class SuiteCosts:
    """What the first two runs have shown."""

    tests: int
    suite_seconds: float
    start_seconds: float
    """To start an interpreter and collect the suite."""
    workers: int
    single_seconds: float = FORK_SECONDS
    """To have a process for one test alone: a fork, or an interpreter where none can be had."""

    def orders(self, count: int = 1) -> float:
        """Runs of the whole suite in forks."""
        return count * self.suite_seconds / self.workers

    def fresh(self, suites: float = 1.0) -> float:
        """A new interpreter that runs the suite so many times."""
        return (self.start_seconds + suites * self.suite_seconds) / self.workers

    def apart(self, runs: int) -> float:
        """Each test so many times in children of shared processes."""
        return (runs * self.suite_seconds + self.tests * CHILD_SECONDS) / self.workers

    @property
    def alone(self) -> float:
        """Each test in a fork of its own."""
        return (self.suite_seconds + self.tests * self.single_seconds) / self.workers


@dataclass
class Pace:
    """How long arms take, beside what they were planned with: the machine has other work, too."""

    planned: float = 0.0
    taken: float = 0.0

    def add(self, *, planned: float, taken: float) -> None:
        """Some arms are over."""
        self.planned += planned
        self.taken += taken

    def budget_for_all(self, left: Sequence[Arm], *, spent: float) -> float:
        """The budget with which the arms that are left would have been tried, too."""
        slower = max(1.0, self.taken / self.planned) if self.planned else 1.0
        return spent + slower * sum(arm.seconds for arm in left) / TRYING_SHARES[-1]


def default_budget(costs: SuiteCosts) -> float:
    """Seconds for a hunt where nobody says how many."""
    return SUITES * costs.suite_seconds + EXTRA_SECONDS


def least_budget(costs: SuiteCosts) -> float:
    """Seconds without which nothing can be tried: the reversed order, and both arms of one proof."""
    return costs.orders() / TRYING_SHARES[0] + 2 * costs.start_seconds


def chosen(arms: Sequence[Arm], seconds: float, *, with_late: bool = True) -> tuple[list[Arm], list[Arm]]:
    """The arms that fit into so many seconds, best value first, and those that do not, or not yet."""
    taken: list[Arm] = []
    left: list[Arm] = []
    for arm in sorted(arms, key=lambda each: each.rank):
        if arm.seconds <= seconds and (with_late or not arm.is_late):
            seconds -= arm.seconds
            taken.append(arm)
        else:
            left.append(arm)
    return taken, left

"""What the orders that were run say of each test: the knowledge that a hunt collects. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from triage.hunt.suspects import Place
from triage.lab.protocol import Observation
from triage.model.base import Value
from triage.model.failure import Failure
from triage.model.outcome import Outcome, Phase

ALONE = "alone"
"""The arm that runs one test with nothing before it."""
TWICE, FILES_TWICE = "twice", "each file twice"
"""The arms that run each test, and each file, twice in one process."""
BISECTION = "bisection"
"""Orders that were made to tell suspects apart."""
OWN_FILE = "each file alone"
"""The arm that imports one file in each interpreter."""


class SeenRun(Value):
    """One process that ran tests in some order, as the evidence keeps it."""

    arm: str
    """`reversed`, `square 3`, `alone`: what was tried."""
    order: tuple[str, ...]
    """The tests in the order in which they ran."""
    not_passed: dict[str, Outcome] = {}
    failures: dict[str, Failure] = {}
    """Of red tests."""
    seconds: float = 0.0
    apart: int | None = None
    """From this position on each test ran in a child process of its own, behind those before the position."""

    @classmethod
    def of(cls, arm: str, observed: Observation) -> SeenRun:
        """A run of an arm, without what passed."""
        others = {
            nodeid: outcome
            for nodeid, outcome in observed.outcomes.items()
            if outcome is not Outcome.PASSED and outcome is not Outcome.NOT_RUN
        }
        red = {
            nodeid: observed.failures.get(nodeid) or ended(nodeid, outcome)
            for nodeid, outcome in others.items()
            if outcome.is_red
        }
        return cls(
            arm=arm, order=observed.order, not_passed=others, failures=red, seconds=round(observed.seconds, 3)
        )

    @cached_property
    def red(self) -> frozenset[str]:
        """Tests that failed, errored, crashed or hung."""
        return frozenset(nodeid for nodeid, outcome in self.not_passed.items() if outcome.is_red)

    @cached_property
    def position(self) -> dict[str, int]:
        """Where in the order each test ran."""
        return {nodeid: number for number, nodeid in enumerate(self.order)}

    def before(self, nodeid: str) -> tuple[str, ...]:
        """What ran before a test, the test itself left out."""
        position = self.position[nodeid]
        if self.apart is None or position < self.apart:
            return self.order[:position]
        return tuple(other for other in self.order[: self.apart] if other != nodeid)

    def places(self, nodeid: str) -> list[Place]:
        """The place of a test in it, unless the test is not in it or was skipped, which says nothing."""
        is_red = nodeid in self.red
        if nodeid not in self.position or (nodeid in self.not_passed and not is_red):
            return []
        return [Place(self.before(nodeid), is_red)]


def ended(nodeid: str, outcome: Outcome) -> Failure:
    """What is known of a test whose process died or hung."""
    return Failure(nodeid=nodeid, phase=Phase.CALL, longrepr=outcome.value)


@dataclass
class Knowledge:
    """The green tests of a suite and every run of an order that is on record."""

    tests: tuple[str, ...]
    """Those that are green in file order, or red there and green alone."""
    runs: list[SeenRun] = field(default_factory=list)

    def add(self, run: SeenRun) -> None:
        """Take in a further run."""
        self.runs.append(run)

    def victims(self) -> list[str]:
        """Tests that can be green and were red in some order, in file order."""
        red = frozenset[str]().union(*(run.red for run in self.runs))
        return [nodeid for nodeid in self.tests if nodeid in red]

    def places(self, nodeid: str) -> list[Place]:
        """Every run in which the test passed or was red, with what ran before it."""
        return [place for run in self.runs for place in run.places(nodeid)]

    def alone_is_red(self, nodeid: str) -> bool | None:
        """Whether it is red with nothing before it; None where that was not seen."""
        for place in self.places(nodeid):
            if not place.before:
                return place.red
        return None

    def is_red_in_own_file(self, nodeid: str) -> bool:
        """Whether it was red where an interpreter imported its file alone."""
        return any(run.arm == OWN_FILE and nodeid in run.red for run in self.runs)

    def is_red_in_own_file_only(self, nodeid: str) -> bool:
        """Whether it was red there, and in no process that had imported all files."""
        arms = {run.arm for run in self.runs if nodeid in run.red}
        return arms == {OWN_FILE}

    def first_red(self, nodeid: str) -> SeenRun | None:
        """The red run of a test with the fewest tests before it."""
        red = [run for run in self.runs if nodeid in run.red and nodeid in run.position]
        return min(red, key=lambda run: len(run.before(nodeid)), default=None)

    def shown_by(self, nodeid: str) -> str | None:
        """The arm that showed the test red first."""
        return next((run.arm for run in self.runs if nodeid in run.red), None)

    def failure(self, nodeid: str) -> Failure | None:
        """How it fails, in the run with the fewest tests before it."""
        run = self.first_red(nodeid)
        return run.failures.get(nodeid) if run is not None else None


def green_in_all(runs: Sequence[SeenRun], tests: Iterable[str]) -> tuple[str, ...]:
    """The tests that passed in each of these runs."""
    return tuple(
        nodeid
        for nodeid in tests
        if all(nodeid in run.position and nodeid not in run.not_passed for run in runs)
    )

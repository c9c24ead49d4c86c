"""How one failing test fared on the base: outcomes by how it was run, and what kept it from running."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from triage.model.base import Value
from triage.model.outcome import Outcome

STEADY_RUNS = 3
"""Runs that have to agree before an outcome on the base is called steady."""
STEADY_RUNS_WITH_RECORD = 2
"""The same, where an earlier run of that commit is on record and agrees."""

Colour = Literal["green", "red", "skipped", "mixed", "none"]


class TroubleKind(StrEnum):
    """Why a test could not be run on the base, or not often enough."""

    BUDGET = "budget"
    """The time for the base was used up."""
    IMPORT = "import"
    """Its module or a conftest file does not import there."""
    OTHER_CODE = "other-code"
    """The process imported code of the head, so that its outcomes say nothing of the base."""
    PROCESS = "process"
    """No process came to the test."""


class Trouble(Value):
    """What kept a test from running, in words for people."""

    kind: TroubleKind
    text: str


class Observed(Value):
    """Outcomes of one test in one form on the base."""

    together: tuple[Outcome, ...] = ()
    """In one process with the other failing tests of its chunk, in the recorded order."""
    alone: tuple[Outcome, ...] = ()
    behind: tuple[Outcome, ...] = ()
    """Behind the tests that preceded it in its process."""
    error: str | None = None
    """Exception and first line of its first failure."""
    signatures: tuple[str, ...] = ()
    """Of its first failure."""
    trouble: Trouble | None = None
    cached_from: str | None = None
    """STAMP of the run that ran it, where it was not run again."""

    @property
    def runs(self) -> int:
        """How often it ran."""
        return len(self._outcomes)

    @property
    def failed(self) -> int:
        """How often it was red."""
        return sum(outcome.is_red for outcome in self._outcomes)

    @property
    def _outcomes(self) -> tuple[Outcome, ...]:
        return (*self.together, *self.alone, *self.behind)

    @property
    def in_place(self) -> tuple[Outcome, ...]:
        """The runs that are like the run that failed on the head; the others are no more than hints.

        Red twice behind the tests that preceded it, a test depends on them: what it does without them does
        not count. A test that was run alone more than once fails alone on the head.
        """
        if len(self.behind) > 1 and all(outcome.is_red for outcome in self.behind):
            return self.behind
        if len(self.alone) > 1:
            return self.alone
        return (*self.together, *self.behind)

    @property
    def colour(self) -> Colour:
        """What the runs in the test's place agree on."""
        colours = {colour_of(outcome) for outcome in self.in_place}
        if len(colours) > 1:
            return "mixed"
        return colours.pop() if colours else "none"

    @property
    def outcome(self) -> Outcome | None:
        """The one outcome of the runs in the test's place; flaky where they disagree."""
        if self.colour == "mixed":
            return Outcome.FLAKY
        return self.in_place[-1] if self.in_place else None

    @property
    def figures(self) -> str:
        """How often it failed or passed, in words."""
        if self.failed:
            return f"failed {self.failed} of {self.runs} times"
        if self.colour == "skipped":
            return "was skipped"
        return f"passed {self.runs} of {self.runs} times"

    def is_steady(self, on_record: Outcome | None) -> bool:
        """Whether enough runs agree; `on_record` is an earlier outcome on the same commit."""
        return self.colour not in ("mixed", "none") and self.runs >= self.needed_runs(on_record)

    def needed_runs(self, on_record: Outcome | None) -> int:
        """How many agreeing runs are steady."""
        agrees = on_record is not None and colour_of(on_record) == self.colour
        return STEADY_RUNS_WITH_RECORD if agrees else STEADY_RUNS


def colour_of(outcome: Outcome) -> Colour:
    """What one outcome says of the code under test."""
    if outcome.is_red:
        return "red"
    if outcome.is_green:
        return "green"
    if outcome.is_flaky:
        return "mixed"
    return "skipped" if outcome is Outcome.SKIPPED else "none"

"""The values of `design.json`, `verify.json` and `gradients.json`, read by templates, scripts and `--json`.

The names and the order of the fields are those of the JSON: scripts and committed evidence rely on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import ConfigDict

from triage.model.base import Value
from triage.model.criterion import Criterion, CriterionResult, Scope
from triage.model.strength import Strength
from triage.repair.options import FileChange


class SubjectRun(Value):
    """One run of the subject."""

    outcome: str
    """Of the first test that did not pass; `passed` where all did."""
    seconds: float
    loss: Any
    command: str
    """A shell line that runs the same tests in the present tree: the copy of the run is gone."""
    evidence: str


class ChunkRun(Value):
    """The chunk of the subject, run with an option applied."""

    name: str
    tests: int
    passed: int
    new_failures: tuple[str, ...]
    unanswered: tuple[str, ...]
    """Tests that did not run."""
    excused: tuple[str, ...] = ()
    """Tests that were red beside the option and are not held against it, each with the reason."""
    seconds: float
    evidence: str
    slowed: tuple[float, float] | None = None
    """Seconds of its tests without the option and with it, where the option makes them much slower."""


class PlantedBreak(Value):
    """A fault planted under a repaired test, which should notice it."""

    name: str
    calls: int | None
    """How many calls were broken; None for a patch of the user's."""
    outcome: str
    caught: bool
    required: bool = False
    """Whether an option whose test does not notice it is rejected."""


class Option(Value):
    """A repair: its patch, what running it gave, and what the comparison says of it."""

    letter: str
    title: str
    source: str
    patch: str
    patch_file: str
    apply: str
    """A shell command."""
    applies: bool
    why_not: str | None
    """Why the patch does not apply."""
    files: tuple[FileChange, ...]
    added: int
    removed: int
    strength: Strength
    keywords: tuple[str, ...]
    """Inputs to which the patch gives a value."""
    leaves: str = ""
    """What the repair leaves as it is, as a clause: a reason to prefer another."""
    runs: int
    passed: int
    seconds: float | None
    """Median time of the subject's tests."""
    targeted: tuple[SubjectRun, ...]
    loss: Any = None
    graph: str | None = None
    unreached: tuple[str, ...] = ()
    gradients: dict[str, Any] = {}
    agrees_with_control: bool = False
    new_reads: tuple[str, ...] = ()
    """Data files that the subject reads only with the option."""
    no_longer_run: tuple[str, ...] = ()
    """Product lines that ran up to the failure and do not run with an option that changes no product code."""
    chunk: ChunkRun | None = None
    breaks: tuple[PlantedBreak, ...] = ()

    rank: int | None = None
    """Place among the eligible options, from 1."""
    cut_off: tuple[str, ...] = ()
    """Leaves that were without a gradient before, and still are."""
    below: tuple[str, ...] = ()
    """Quantities below their floor."""
    against: tuple[str, ...] = ()
    """Why it is not eligible."""
    eligible: bool = False
    pros: tuple[str, ...] = ()
    cons: tuple[str, ...] = ()

    def having(self, **changes: Any) -> Self:
        """A copy with other values in some fields."""
        return self.model_copy(update=changes)


class Commands(Value):
    """Shell lines for people; None where there is nothing to run."""

    targeted: str
    capture: str | None
    chunk: str | None
    apply: str | None
    verify: str


class Task(Value):
    """A step of phase D."""

    id: str
    what: str
    command: str | None
    seconds: float | None
    """What it took in the runs of this phase; None where nothing like it was run."""


class Touchpoint(Value):
    """A place that phase D changes."""

    path: str
    what: str
    by: Literal["person", "triage"]


class Approval(Value):
    """A question of whoever approves the design, answered from the evidence."""

    what: str
    holds: bool


class Design(Value):
    """`design.json`: everything that the document of phase C states and that no other artifact holds."""

    v: Literal[1] = 1
    stamp: str
    campaign: str
    folder: str
    cluster: str
    title: str
    owner: str
    subject: tuple[str, ...]
    context: tuple[str, ...]
    """The subject behind the tests that make it fail."""
    probe: str
    proof: int | None
    """Index of the experiment that confirmed the cause."""
    run: str | None
    """Summary of the run that showed the failure."""
    as_is: SubjectRun
    reproduced: bool
    """Whether the present tree still fails."""
    rule: str
    options: tuple[Option, ...]
    recommended: str | None
    """Letter of the option of rank 1."""
    choice: int | None
    """Index of that option."""
    criteria: tuple[Criterion, ...]
    commands: Commands
    tasks: tuple[Task, ...]
    touchpoints: tuple[Touchpoint, ...]
    others_red: tuple[str, ...]
    """Tests that are red for other reasons."""
    members: tuple[str, ...]
    approval: tuple[Approval, ...]


class SealedDesign(Value):
    """What a verification takes from a design, whichever version of triage wrote it."""

    model_config = ConfigDict(extra="ignore")

    title: str
    subject: tuple[str, ...]
    criteria: tuple[Criterion, ...]
    probe: str | None = None
    """The document that names the cause."""


class CheckedCriterion(CriterionResult):
    """The result of a criterion with what it asked for."""

    text: str
    scope: Scope
    command: str


class Verification(Value):
    """`verify.json`: whether each exit criterion is met."""

    v: Literal[1] = 1
    stamp: str
    campaign: str
    folder: str
    cluster: str
    title: str
    design: str
    subject: tuple[str, ...]
    resolved: bool
    results: tuple[CheckedCriterion, ...]
    unmet: tuple[str, ...]
    """Names of the criteria that are not met."""


class CapturedRun(Value):
    """Loss and gradients of one run of a criterion."""

    loss: Any
    gradients: dict[str, Any]
    evidence: str


class Captured(Value):
    """`gradients.json`: loss and gradients of the last run, and of every run beside it."""

    loss: Any
    gradients: dict[str, Any]
    gradient_magnitudes: dict[str, float | None]
    graph: str
    command: str
    runs: tuple[CapturedRun, ...]


def recommended_option(options: Sequence[Option]) -> Option | None:
    """The option of rank 1; None where none is eligible."""
    return next((option for option in options if option.rank == 1), None)

"""Controlled experiments: a subject, one changed factor, a prediction, repeats, a verdict."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from triage.model.base import Value

EXPERIMENTS_FILE = "experiments.jsonl"
"""The record of experiments in a folder of phase B, C or D: one line an event."""
HUNT_FILE = "hunt.json"
"""The document of a hunt, in a folder of phase B: it shows clusters that no run has seen."""

CauseKind = Literal[
    "zero-signal", "graph-break", "nonfinite-gradient", "order-dependent", "flaky", "seed",
    "environment-variable", "missing-file", "working-directory", "dtype", "threads", "compile",
    "clock", "locale", "network", "resource", "timeout", "crash", "tolerance", "first-bad-commit",
    "dependency", "test-defect", "product-defect", "unknown",
]  # fmt: skip


class Factor(Value):
    """What an experiment changes: `config:simulator.config.CrystalConfig.default_F` 0.0 -> 100.0."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    kind: str
    name: str
    from_: Any = Field(default=None, alias="from")
    to: Any = None

    def spelled(self) -> str:
        """As `--factor` takes it back: KIND:NAME=VALUE, the value as JSON unless it is plain text."""
        value = self.to if isinstance(self.to, str) else json.dumps(self.to, default=str)
        return f"{self.kind}:{self.name}={value}"


class Tally(Value):
    """How often one arm of an experiment ran, and failed."""

    runs: int
    failed: int


class Status(StrEnum):
    """The rule's answer."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    INVALID_CONTROL = "invalid-control"


class ExperimentResult(Value):
    """One experiment with its verdict."""

    probe: str
    factor: Factor | None
    prediction: str
    status: Status
    baseline: Tally
    treated: Tally
    p_value: float | None = None
    sentence: str = ""
    """What it means, in one plain sentence."""
    command: str = ""
    """Paste-able form of the treated case."""
    baseline_command: str = ""
    """Paste-able form of the other case: one of the two fails and one passes."""
    measurements: dict[str, Any] = {}
    """What instruments saw, for the baseline and the treated case."""
    evidence: tuple[str, ...] = ()


class Patch(Value):
    """An edit that corresponds to a treatment: an option for phase C."""

    title: str
    path: str
    """Relative to the suite's root."""
    after: str
    """Whole text of the file with the edit."""
    diff: str
    """Unified diff from the root, as `git apply` takes it."""
    reason: str = ""
    leaves: str = ""
    """What stays as it is, as a clause: a reason to prefer another repair."""
    installs: dict[str, str] = {}
    """Versions of distributions that somebody who follows the edit installs: runs with it have them."""
    sets: dict[str, str] = {}
    """Variables that runs of triage have with the edit."""
    edits: dict[str, str | None] = Field(default={}, exclude=True)
    """Whole texts of all files with the edit, None for one that goes; the diff has them in the evidence."""
    is_verbatim: bool = Field(default=False, exclude=True)
    """Whether its lines are the project's own, from git: they are not written anew in its style."""


Claim = Literal["cause", "condition"]
"""What a confirmed experiment shows. A condition: the test depends on the factor, and whether its value or
the code behind it is wrong is not decided. A cause: the factor is what is wrong."""


class RootCause(Value):
    """The answer of phase B.

    `confidence` speaks of the cause alone, so only a claim of a cause can be proven. That the test depends on
    a condition is shown as well as anything; that it is what is wrong is at most likely.
    """

    kind: CauseKind
    summary: str
    factor: Factor | None = None
    culprits: tuple[str, ...] = ()
    confidence: Literal["proven", "likely", "unknown"] = "unknown"
    claim: Claim | None = None
    """None where no experiment changed the outcome: then it is read from the symptoms, or unknown."""
    lines_no_longer_run: tuple[str, ...] = ()
    """Product lines (`path:first-last`) that ran up to the failure and do not run in the treated arm."""
    at_fault: Literal["product", "test"] | None = None
    """Whose code has to change, where an experiment has shown it: of a leak, who wrote it."""

    @model_validator(mode="after")
    def _only_causes_are_proven(self) -> Self:
        if self.confidence == "proven" and self.claim == "condition":
            raise ValueError("a condition is no proven cause")
        if self.confidence == "proven" and self.lines_no_longer_run:
            raise ValueError("what keeps product lines from running is no proven cause")
        return self

    @property
    def avoids(self) -> bool:
        """Whether the change that makes the test pass only keeps product code from running."""
        return self.claim == "condition" and bool(self.lines_no_longer_run)

    @property
    def verdict(self) -> str:
        """Confidence and claim in the words that every document uses."""
        if self.claim == "condition":
            return "proven condition"
        return "proven cause" if self.confidence == "proven" else self.confidence


class ProbeReport(Value):
    """All of phase B for one subject."""

    subject: tuple[str, ...]
    cluster: str | None
    reproduced: bool
    is_green: bool = False
    """Whether it passed wherever it was run: what makes it fail would have to be hunted."""
    experiments: tuple[ExperimentResult, ...] = ()
    root_cause: RootCause
    next: str = ""
    claim: str = ""
    """Whether and where the failure was seen here, with its n and the rate that it still allows."""
    excluded: tuple[str, ...] = ()
    """What experiments ruled out, one sentence each."""
    patches: tuple[Patch, ...] = ()
    """Edits that correspond to the treatment that worked: options for phase C."""
    stamp: str = ""
    folder: str = ""
    """The evidence, relative to the suite's root."""
    runs: int = 0
    """Pytest processes that it took."""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

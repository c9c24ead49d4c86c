"""`hunt.json`: what a hunt tried, which latent flaky tests it proved, what it covered and what it took."""

from __future__ import annotations

from typing import Literal

from triage.model.base import Value
from triage.model.experiment import HUNT_FILE, CauseKind, ExperimentResult, Factor

DOCUMENT = HUNT_FILE
RUNS = "arms.jsonl"
"""One run of an order a line, as it ended: a hunt that was cut short goes on from it."""

NO_TIME = "no time was left to prove it: give a larger --budget, or hunt again"
"""Why a test is suspected that the next hunt takes up."""

Dependence = Literal["polluted", "brittle", "not-idempotent", "factor"]
"""polluted: red behind other tests; brittle: red without them; not-idempotent: red the second time; factor:
red in other surroundings, at another time, with another seed."""


class Latent(Value):
    """Tests that are green as they stand and were shown red under one stated factor."""

    cluster: str | None = None
    new: bool = False
    """Whether no earlier run or hunt knew of the cluster."""
    dependence: Dependence
    kind: CauseKind
    tests: tuple[str, ...]
    """The test of the experiment first; the others were red with the same culprits."""
    culprits: tuple[str, ...]
    """Polluters, setters, or the factor."""
    factor: Factor | None = None
    leaked: tuple[str, ...] = ()
    """State that the polluters leave behind, as restoring it has shown."""
    writer: str | None = None
    """The line that leaves it behind."""
    at_fault: Literal["product", "test"] | None = None
    summary: str
    found_by: str
    """The arm that showed it first."""
    order: str | None = None
    """The recorded red order, as `triage run --order` takes it; relative to the root."""
    command: str
    """Shows it red."""
    repair: str | None = None
    """A patch with which it passes, tried; relative to the root."""
    processes: int
    """That the search and the proof took."""
    experiment: ExperimentResult


class Suspected(Value):
    """A test that was red once, and that no experiment has confirmed."""

    nodeid: str
    found_by: str
    reason: str


class ArmDone(Value):
    """One thing that was tried."""

    name: str
    runs: int
    red: int
    """Tests that are green as they stand and were red in it."""
    seconds: float


class Coverage(Value):
    """What this hunt and those before it on the same tests have tried."""

    pairs: int
    covered_pairs: int
    """Ordered pairs of tests of which the first ran before the second in one process."""
    file_pairs: int
    covered_file_pairs: int
    """Ordered pairs of files of which a test of the second ran directly behind a test of the first."""
    alone: int
    """Tests that ran alone."""
    twice: int
    factors: tuple[str, ...] = ()
    """Surroundings that were tried."""
    next_square: int = 0
    """Number of the next row of squares."""


class PurposeCost(Value):
    """What one purpose took."""

    purpose: str
    executions: int
    processes: int
    seconds: float


class HuntCost(Value):
    """What it took."""

    seconds: float
    budget: float
    processes: int
    """Forked children and interpreters."""
    executions: int
    """Of tests, in all of them."""
    experiments: int
    """Processes of the laboratory, among the above."""
    by_purpose: tuple[PurposeCost, ...] = ()
    """What they were for."""


class HuntReport(Value):
    """A whole hunt."""

    stamp: str
    folder: str
    seed: int
    tests: int
    red_already: tuple[str, ...] = ()
    """Red in file order and alone; the hunt went on without them."""
    by_chance: tuple[str, ...] = ()
    """Red in one of two equal runs in file order."""
    latent: tuple[Latent, ...]
    suspected: tuple[Suspected, ...] = ()
    arms: tuple[ArmDone, ...]
    not_tried: tuple[str, ...] = ()
    """What the budget had no time for."""
    seconds_for_all: float = 0.0
    """The budget with which nothing would have been left out."""
    coverage: Coverage
    cost: HuntCost
    fingerprint: str
    """Of the suite's files: with others, what was covered is covered no more."""
    notes: tuple[str, ...] = ()

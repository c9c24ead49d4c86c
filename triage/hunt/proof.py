"""A latent test with the experiment that shows it, and the tests that share its cause."""

from __future__ import annotations

from dataclasses import dataclass, field

from triage.hunt.document import Dependence
from triage.lab.protocol import Experiment, Setup, Trial
from triage.model.experiment import CauseKind, Patch
from triage.model.failure import Failure
from triage.probe.leak_writers import LeakWriter
from triage.probe.leaked_state import LeakedState

REPEATS, ALPHA = 3, 0.05
"""3 failures of 3 against 0 of 3 have p = 0.05 by Fisher's exact test: the fewest repeats that confirm. The
red order and the search have shown both colours before."""


@dataclass
class Proof:
    """A latent test with its proof, and the tests that share its cause."""

    nodeid: str
    dependence: Dependence
    kind: CauseKind
    culprits: tuple[str, ...]
    """The first set that is enough."""
    experiment: Experiment
    trial: Trial
    found_by: str
    processes: int
    order: tuple[str, ...] = ()
    """The recorded order in which it was red."""
    more: list[tuple[str, ...]] = field(default_factory=list)
    """Further sets of tests, each enough, as single runs have shown."""
    members: list[str] = field(default_factory=list)
    failures: dict[str, Failure] = field(default_factory=dict)
    """How each of the tests fails."""
    leaked: LeakedState | None = None
    writer: LeakWriter | None = None
    patches: tuple[Patch, ...] = ()
    command: str = ""
    """Shows it red with fewer tests than the experiment; empty where that has none to spare."""

    @property
    def is_by_import(self) -> bool:
        """Whether the culprits are files that need only be imported: in a fork everything is."""
        return all("::" not in culprit for culprit in self.culprits)

    @property
    def red_setup(self) -> Setup:
        """Where the test is red: the baseline."""
        return self.experiment.baseline

    @property
    def tests(self) -> tuple[str, ...]:
        """The test of the experiment, then the others."""
        return (self.nodeid, *self.members)

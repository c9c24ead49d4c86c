"""A latent test with the experiment that shows it, and the tests that share its cause."""

from __future__ import annotations

from collections.abc import Sequence
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


@dataclass(kw_only=True)
class Candidate:
    """A test that hangs on the order, with the culprits that a search has named: not confirmed yet."""

    nodeid: str
    dependence: Dependence
    culprits: tuple[str, ...]
    found_by: str
    processes: int
    """That the search took."""
    order: tuple[str, ...]
    """The recorded order in which it was red."""
    failure: Failure | None
    is_assumed: bool = False
    """Whether the culprit is the only test that the recorded runs leave, and nothing more is known of it."""
    members: list[str] = field(default_factory=list)
    """Further tests on which the same culprits have the same effect."""

    @property
    def effect_is_red(self) -> bool:
        """Whether the culprits make it red; else green."""
        return self.dependence == "polluted"

    @property
    def is_by_import(self) -> bool:
        """Whether the culprits are files that need only be imported: in a fork everything is."""
        return are_files(self.culprits)

    def proof(self, experiment: Experiment, trial: Trial, processes: int) -> Proof:
        """What a confirmed experiment makes of it."""
        return Proof(
            nodeid=self.nodeid,
            dependence=self.dependence,
            kind="order-dependent",
            culprits=self.culprits,
            experiment=experiment,
            trial=trial,
            found_by=self.found_by,
            processes=self.processes + processes,
            order=self.order,
            members=list(self.members),
        )


def are_files(culprits: Sequence[str]) -> bool:
    """Whether culprits are files, and no tests."""
    return all("::" not in culprit for culprit in culprits)


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
        return are_files(self.culprits)

    @property
    def red_setup(self) -> Setup:
        """Where the test is red: the baseline."""
        return self.experiment.baseline

    @property
    def tests(self) -> tuple[str, ...]:
        """The test of the experiment, then the others."""
        return (self.nodeid, *self.members)

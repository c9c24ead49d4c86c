"""Changes that make tests red: surroundings, or a second run; each as an experiment and as a proof. Pure."""

from __future__ import annotations

from typing import Protocol

from triage.hunt.factors import Surroundings
from triage.hunt.proof import ALPHA, REPEATS, Proof
from triage.hunt.seen import FILES_TWICE, TWICE
from triage.hunt.wording import in_or_with
from triage.lab.protocol import Experiment, Setup, Trial
from triage.model.experiment import Factor
from triage.model.nodeid import file_of
from triage.text.capital import capitalised

_TWICE = "twice"
"""The instrument."""


class Change(Protocol):
    """What is changed, whichever tests run."""

    @property
    def name(self) -> str:
        """How a sentence calls it."""

    def arms(self, setup: Setup) -> tuple[Setup, Setup]:
        """The setup with the change, and the same without it, its instruments idle."""

    def experiment(self, nodeid: str, setup: Setup) -> Experiment:
        """With the change the test fails among the tests of the setup, and without it it passes."""

    def proof(self, nodeid: str, experiment: Experiment, trial: Trial, processes: int) -> Proof:
        """What the confirmed experiment shows."""


class SecondRun:
    """Each test twice in one process, or each file."""

    def __init__(self, *, whole_file: bool = False) -> None:
        self._whole_file = whole_file

    @property
    def name(self) -> str:
        """How a sentence calls it."""
        return "a second run of its file" if self._whole_file else "a second run"

    def arms(self, setup: Setup) -> tuple[Setup, Setup]:
        """Each of them twice, and each once."""
        settings = {"files": True} if self._whole_file else {"on": True}
        return setup.plus(instruments={_TWICE: settings}), setup.plus(instruments={_TWICE: {}})

    def experiment(self, nodeid: str, setup: Setup) -> Experiment:
        """It fails the second time, and passes where it runs once."""
        twice, once = self.arms(setup)
        what = "its file runs" if self._whole_file else "it runs"
        return Experiment(
            probe="hunt",
            factor=Factor(kind=_TWICE, name="runs in one process", from_=2, to=1),
            prediction=f"It fails the second time {what} in one process, and passes where it runs once.",
            baseline=twice,
            treated=once,
            watch=(nodeid,),
            repeats=REPEATS,
            alpha=ALPHA,
            arm_names=("run twice in one process", "run once"),
        )

    def proof(self, nodeid: str, experiment: Experiment, trial: Trial, processes: int) -> Proof:
        """It, or its file, leaves something behind that breaks its own next run."""
        return Proof(
            nodeid=nodeid,
            dependence="not-idempotent",
            kind="order-dependent",
            culprits=(file_of(nodeid) if self._whole_file else nodeid,),
            experiment=experiment,
            trial=trial,
            found_by=FILES_TWICE if self._whole_file else TWICE,
            processes=processes,
        )


class OtherSurroundings:
    """One factor of the environment, of time, of chance or of numbers."""

    def __init__(self, factor: Surroundings) -> None:
        self._factor = factor

    @property
    def name(self) -> str:
        """That of the factor."""
        return self._factor.name

    def arms(self, setup: Setup) -> tuple[Setup, Setup]:
        """With the factor, and as it stands."""
        return self._factor.arms(setup)

    def experiment(self, nodeid: str, setup: Setup) -> Experiment:
        """It fails with the factor, and passes as it stands."""
        changed, idle = self.arms(setup)
        return Experiment(
            probe="hunt",
            factor=self._factor.factor,
            prediction=f"{capitalised(in_or_with(self.name))} it fails; as it stands it passes.",
            baseline=changed,
            treated=idle,
            watch=(nodeid,),
            repeats=REPEATS,
            alpha=ALPHA,
            arm_names=(in_or_with(self.name), "as it stands"),
        )

    def proof(self, nodeid: str, experiment: Experiment, trial: Trial, processes: int) -> Proof:
        """The factor is what it depends on."""
        return Proof(
            nodeid=nodeid,
            dependence="factor",
            kind=self._factor.kind,
            culprits=(self.name,),
            experiment=experiment,
            trial=trial,
            found_by=self.name,
            processes=processes,
        )

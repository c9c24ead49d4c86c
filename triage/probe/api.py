"""Define what a probe is: a generator that asks for experiments and returns a finding.

A probe yields batches of looks (one run each) and experiments (two arms that differ in one factor),
is sent their observations and verdicts in the same order, and returns a `Finding`. It starts no process
and reads no file, so tests drive it with a function for a world, and it runs on any executor.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from triage.lab.protocol import Answer, Experiment, Look, Observation, Setup, Step, Trial
from triage.model.base import Value
from triage.model.experiment import ExperimentResult, Factor, Patch, RootCause
from triage.model.failure import Failure


class Finding(Value):
    """What a probe concludes: a cause, or what its experiments exclude, or facts for later probes."""

    cause: RootCause | None = None
    excluded: str = ""
    """What the experiments exclude, as a clause; empty where they exclude nothing."""
    patches: tuple[Patch, ...] = ()
    experiments: tuple[ExperimentResult, ...] = ()
    """What the probe judged itself, from looks."""
    facts: dict[str, Any] = {}
    """What later probes should know."""
    proof: Experiment | None = None
    """The confirmed experiment: its claim is examined, and other members of a cluster are tried with it."""
    because: str = ""
    """Why the factor's old value is wrong, as a clause, where the probe knows that beside the experiment."""
    against: tuple[str, ...] = ()
    """What the probe has seen that speaks against its cause, as clauses."""
    beside: Setup | None = None
    """A passing run of today's files whose lines are compared, where the proof's arms are other trees."""


Context = Literal["alone", "file", "chunk", "imports", "suite", "workers", "twice"]
"""The fewest tests of one process with which a test fails; `imports`: alone, others imported; `workers`: only
in processes of pytest-xdist; `twice`: alone, the second time that it runs there."""


@dataclass(frozen=True)
class Case:
    """A failure that was reproduced: this test fails, here, in this setup, so often."""

    nodeid: str
    base: Setup
    """Where it fails."""
    failure: Failure
    context: Context
    rate: float = 1.0
    """Failure rate in that setup, as seen so far."""
    runs: int = 1
    members: tuple[str, ...] = ()
    cluster: str | None = None
    suite: tuple[str, ...] = ()
    """Every test of the suite, in the order of the suite."""
    recorded: tuple[str, ...] = ()
    """The tests of its process in a recorded run, in the order in which they ran; empty if unknown."""
    observed: Observation = field(default_factory=lambda: Observation(outcomes={}))
    """The run that showed the failure."""
    env: Mapping[str, str] = field(default_factory=dict)
    """The environment in which the tests run."""
    source: Callable[[str], str | None] = field(default=lambda path: None)
    """Text of a file of the suite, by path relative to the root; None where there is none."""
    files: tuple[str, ...] = ()
    """Every file of the suite, relative to its root."""
    factors: tuple[Factor, ...] = ()
    """What the user asks to be tried."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What a probe cannot measure (see `case_facts`), and the findings of earlier probes by their names."""

    @property
    def flaky(self) -> bool:
        """Whether it has been seen to pass in the very setup in which it fails."""
        return self.rate < 1.0


Steps = Generator[tuple[Step, ...], tuple[Answer, ...], Finding]


class Investigator(Protocol):
    """A hypothesis about a kind of cause, and how to test it."""

    name: str

    def investigate(self, case: Case) -> Steps:
        """Search and experiment; return what was found."""


@runtime_checkable
class Probe(Investigator, Protocol):
    """An investigator that says how promising it is; those of triage are ranked in `registry`."""

    def likelihood(self, case: Case) -> float:
        """How likely it is, before any run, that this probe finds the cause: 0 (never) to 1."""


def look(
    *setups: Setup, why: str = "", known_will_do: bool = False
) -> Generator[tuple[Step, ...], tuple[Answer, ...], list[Observation]]:
    """Run each setup once and return the observations; `yield from` it.

    With `known_will_do` a run that was made already under the same meters is taken instead of a new one.
    """
    if not setups:
        return []
    answers = yield tuple(Look(setup=setup, why=why, known_will_do=known_will_do) for setup in setups)
    return [answer for answer in answers if isinstance(answer, Observation)]


def test(*experiments: Experiment) -> Generator[tuple[Step, ...], tuple[Answer, ...], list[Trial]]:
    """Run experiments and return the trials; `yield from` it."""
    if not experiments:
        return []
    answers = yield experiments
    return [answer for answer in answers if isinstance(answer, Trial)]


test.__test__ = False  # type: ignore[attr-defined]  # pytest would take it for a test where it is imported

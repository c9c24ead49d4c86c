"""The values that whoever asks for experiments exchanges with the laboratory.

A look is one run; an experiment has two arms that differ in one factor. A batch of such steps is answered
by observations and trials in the same order.
"""

from __future__ import annotations

from typing import Any

from triage.model.base import Value
from triage.model.experiment import ExperimentResult, Factor
from triage.model.failure import Failure
from triage.model.outcome import Outcome


class Setup(Value):
    """How one pytest process is made: two arms of an experiment differ in one entry of it."""

    nodeids: tuple[str, ...]
    """Run in this order; empty is the whole suite."""
    imports: tuple[str, ...] = ()
    """Test files that are imported first, in this order, whether or not one of their tests is to run."""
    env: dict[str, str | None] = {}
    """Set (None: unset) on top of the canonical environment."""
    instruments: dict[str, dict[str, Any]] = {}
    """Modules of `triage.instruments` by name, with their settings."""
    edits: dict[str, str | None] = {}
    """Files of the scratch copy with other text (None: removed), by path relative to the root."""
    commit: str | None = None
    """Another state of the repository than the user's."""
    head_tests: bool = False
    """The present tree's tests and conftest files are laid over the commit."""
    reverted: tuple[str, ...] = ()
    """Hunks of a difference that are taken back, by their names; whoever asks knows their texts."""
    packages: dict[str, str] = {}
    """Distributions that come before the installed ones, name to version."""
    pytest_args: tuple[str, ...] = ()
    suite_args: tuple[str, ...] | None = None
    """Instead of the settings' arguments, which come before `pytest_args`; None leaves them."""
    seed: int | None = None
    """For pytest-randomly; None leaves it to the suite."""
    test_timeout: float | None = None
    """Another time limit for each test."""
    cwd: str | None = None
    """Start in this folder, relative to the root."""
    workers: int | None = None
    """Let pytest-xdist run the tests in so many processes; 0: in one, and nothing else runs beside it.
    None: in one process, beside whatever else the laboratory runs."""
    distribution: str = "load"
    """How pytest-xdist gives the tests to its workers, as `--dist` names it."""
    groups: tuple[tuple[str, ...], ...] = ()
    """Parts of `nodeids`, each of which runs in a child of the process, in its order; a test may be in
    several. So one process has an arm of many experiments."""

    @property
    def is_undisturbed(self) -> bool:
        """Whether nothing may run beside it: how tests of two processes meet is what is examined."""
        return self.workers is not None or "beside" in self.instruments

    def plus(self, **changes: Any) -> Setup:
        """A copy with entries added to the dictionaries and other fields replaced."""
        merged: dict[str, Any] = {}
        for name, value in changes.items():
            have = getattr(self, name)
            merged[name] = {**have, **value} if isinstance(have, dict) else value
        return self.model_copy(update=merged)

    def measuring(self, *instruments: str) -> Setup:
        """A copy with meters that need no settings."""
        return self.plus(instruments={name: {} for name in instruments})


class Look(Value):
    """One run, to see something or to search; it proves nothing."""

    setup: Setup
    why: str = ""
    fresh: bool = False
    """Whether it has to be a new interpreter."""
    known_will_do: bool = False
    """Whether an earlier run under the same conditions, with at least these meters, answers as well: what is
    asked of it is no matter of chance."""


class Experiment(Value):
    """Two arms that differ in one factor; the prediction is written down before the first run."""

    probe: str
    factor: Factor | None
    prediction: str
    baseline: Setup
    """Where the watched tests fail; carries the same instruments as the treated arm, doing nothing."""
    treated: Setup
    """Where they are predicted to pass."""
    watch: tuple[str, ...]
    treated_watch: tuple[str, ...] = ()
    """The tests that count in the treated arm, where they are others: a sibling that passes."""
    repeats: int = 4
    controls: int | None = None
    """Runs of the treated arm where many experiments share it; None: as many as of the baseline."""
    alpha: float = 0.05
    """Highest p at which the factor counts as the cause."""
    any_reason: bool = False
    """Whether the baseline may fail for another reason than the subject's."""
    each_watched: bool = False
    """Whether the verdict is on every watched test by itself: a run of an arm counts as failed where all of
    them are red (without it: where any of them is)."""

    def is_red(self, run: Observation) -> bool:
        """Whether a run of the baseline counts as failed."""
        if self.each_watched:
            return all(run.red(nodeid) for nodeid in self.watch)
        return run.red(*self.watch)

    arm_names: tuple[str, str] | None = None
    """How a sentence calls the two arms; None calls them after the factor (see `sentences`)."""


class Observation(Value):
    """What one run gave."""

    outcomes: dict[str, Outcome]
    failures: dict[str, Failure] = {}
    """The first failure of each red test."""
    order: tuple[str, ...] = ()
    """Tests in the order in which they ran."""
    worker_of: dict[str, str] = {}
    """The worker of pytest-xdist that ran a test; empty where one process ran all of them."""
    at_once: dict[str, tuple[str, ...]] = {}
    """The tests that other workers ran while a red test ran."""
    measured: dict[str, tuple[dict[str, Any], ...]] = {}
    """Lines that each instrument wrote."""
    durations: dict[str, float] = {}
    seconds: float = 0.0
    command: str = ""
    evidence: str = ""
    notes: tuple[str, ...] = ()
    forked: bool = False
    """Whether its process was forked from a warm parent, instead of being a new interpreter."""

    def outcome(self, nodeid: str) -> Outcome:
        """The outcome of a test; `not_run` where the process never came to it."""
        return self.outcomes.get(nodeid, Outcome.NOT_RUN)

    def before_in_worker(self, nodeid: str) -> tuple[str, ...]:
        """The tests that the worker of a test had run before it, in order."""
        worker = self.worker_of.get(nodeid)
        if worker is None or nodeid not in self.order:
            return ()
        earlier = self.order[: self.order.index(nodeid)]
        return tuple(other for other in earlier if self.worker_of.get(other) == worker)

    def passed(self, *nodeids: str) -> bool:
        """Whether all of these passed: an error, a skip or a test that never ran is no pass."""
        return all(self.outcome(nodeid) is Outcome.PASSED for nodeid in nodeids)

    def red(self, *nodeids: str) -> bool:
        """Whether any of these failed, errored, crashed or hung."""
        return any(self.outcome(nodeid).is_red for nodeid in nodeids)

    def lines(self, instrument: str, event: str | None = None) -> list[dict[str, Any]]:
        """What an instrument wrote, or the lines of one kind of event."""
        lines = self.measured.get(instrument, ())
        return [line for line in lines if event is None or line.get("event") == event]


class Trial(Value):
    """An experiment that was run: the verdict and every observation behind it."""

    result: ExperimentResult
    baseline: tuple[Observation, ...] = ()
    treated: tuple[Observation, ...] = ()


Step = Look | Experiment
Answer = Observation | Trial

"""Test that a probe keeps its protocol, in a world that is a function of the setup.

`drive` runs a probe as the lab does, without a process. `conforms` checks what every probe promises, ours and
those of plugins: call it from a test with each case that the probe should know.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar

from triage.lab.protocol import Answer, Experiment, Look, Observation, Setup, Step, Trial
from triage.lab.verdict import decided, interleaved, judge, lengthened
from triage.model.experiment import ExperimentResult, Status
from triage.model.failure import Failure, Raised
from triage.model.outcome import Outcome
from triage.probe.api import Case, Finding, Investigator, Probe

_Result = TypeVar("_Result")
World = Callable[[Setup], Observation]
"""Answers a setup with what its tests would do: the probe's processes, without processes."""
_MAX_BATCHES = 500
"""A probe that asks for more does not end."""


class Driven:
    """What a probe asked for, and what it found."""

    def __init__(self) -> None:
        self.finding: Finding | None = None
        self.trials: list[Trial] = []
        self.experiments: list[Experiment] = []
        self.looks: list[Look] = []
        self.runs = 0

    @property
    def results(self) -> list[ExperimentResult]:
        """Return every verdict, the probe's own included."""
        own = list(self.finding.experiments) if self.finding else []
        return own + [trial.result for trial in self.trials]


def drive(probe: Investigator, case: Case, world: World) -> Driven:
    """Run a probe to its end in a world; raise AssertionError where it never ends."""
    driven = Driven()
    steps = probe.investigate(case)
    try:
        batch = next(steps)
        for _ in range(_MAX_BATCHES):
            batch = steps.send(tuple(_answer(step, world, case, driven) for step in batch))
    except StopIteration as end:
        driven.finding = end.value
        return driven
    raise AssertionError(f"{probe.name} asked for more than {_MAX_BATCHES} batches")


def answered(steps: Generator[tuple[Step, ...], tuple[Answer, ...], _Result], world: World) -> _Result:
    """What a part of a probe returns that only looks; AssertionError where it asks for an experiment."""
    try:
        batch = next(steps)
        while True:
            looks = [step for step in batch if isinstance(step, Look)]
            assert len(looks) == len(batch), "it asks for an experiment"
            batch = steps.send(tuple(world(look.setup) for look in looks))
    except StopIteration as end:
        returned: _Result = end.value
        return returned


def conforms(probe: Probe, case: Case, world: World) -> Driven:
    """Drive the probe and check what all probes promise; return what it asked for and found.

    Raises AssertionError, naming the promise that was broken.
    """
    assert isinstance(probe, Probe), f"{probe!r} lacks name, likelihood or investigate"
    assert probe.name, "a probe needs a name"
    assert probe.name == probe.name.strip().lower(), f"{probe.name!r} is no plain name"
    assert 0.0 <= probe.likelihood(case) <= 1.0, f"{probe.name}: likelihood lies in 0..1"
    driven = drive(probe, case, world)
    again = drive(probe, case, world)
    assert driven.results == again.results, f"{probe.name} asks differently in the same world"
    assert isinstance(driven.finding, Finding), f"{probe.name} returned {driven.finding!r}, no Finding"
    for experiment in driven.experiments:
        assert experiment.prediction.strip(), f"{probe.name}: an experiment without a prediction"
        assert experiment.baseline != experiment.treated, f"{probe.name}: the arms of an experiment are equal"
        alike = set(experiment.baseline.instruments) == set(experiment.treated.instruments)
        assert alike, f"{probe.name}: only one arm carries an instrument, which may decide by itself"
        assert experiment.probe == probe.name, f"{probe.name} signs as {experiment.probe}"
    cause = driven.finding.cause
    if cause is not None and cause.confidence == "proven":
        confirmed = [r for r in driven.results if r.status is Status.CONFIRMED and (r.p_value or 1) <= 0.05]
        assert confirmed, f"{probe.name} says proven without a confirmed experiment"
    if cause is None and not driven.finding.facts:
        assert driven.finding.excluded.strip(), (
            f"{probe.name} found nothing and does not say what it excluded"
        )
    return driven


def _answer(step: Look | Experiment, world: World, case: Case, driven: Driven) -> Observation | Trial:
    if isinstance(step, Look):
        driven.looks.append(step)
        driven.runs += 1
        return world(step.setup)
    driven.experiments.append(step)
    arms: dict[str, list[Observation]] = {"A": [], "B": []}
    rounds = interleaved(step.repeats)
    while rounds and not decided(step, arms["A"], arms["B"]):
        for arm in rounds.pop(0):
            driven.runs += 1
            arms[arm].append(world(step.baseline if arm == "A" else step.treated))
        if not rounds:
            rounds = interleaved(lengthened(step, arms["A"], arms["B"]))
    trial = judge(step, arms["A"], arms["B"], case.failure)
    driven.trials.append(trial)
    return trial


def seen(
    nodeid: str,
    outcome: Outcome | bool,
    message: str = "assert False",
    measured: Mapping[str, tuple[dict[str, Any], ...]] | None = None,
    **others: Outcome,
) -> Observation:
    """Return an observation of one test; True is passed, False is failed with this message."""
    if isinstance(outcome, bool):
        outcome = Outcome.PASSED if outcome else Outcome.FAILED
    failures = {nodeid: failure(nodeid, message)} if outcome.is_red else {}
    return Observation(
        outcomes={nodeid: outcome, **others},
        failures=failures,
        order=(nodeid,),
        measured=dict(measured or {}),
    )


def failure(nodeid: str, message: str = "assert False", exception: str = "AssertionError") -> Failure:
    """Return a failure in the call phase."""
    chain = (Raised(type=exception, message=message),)
    return Failure(nodeid=nodeid, phase="call", chain=chain, longrepr=message)


def case_of(nodeid: str, world: World, base: Setup | None = None, **more: Any) -> Case:
    """Return a case that is claimed as the world shows it."""
    base = base or Setup(nodeids=(nodeid,))
    observed = world(base)
    shown = observed.failures.get(nodeid) or failure(nodeid)
    return Case(nodeid=nodeid, base=base, failure=shown, observed=observed, **{"context": "alone", **more})

"""Climb the ladder of probes, likeliest first, until a cause is proven or the budget is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from triage.errors import TriageError
from triage.lab.lab import BudgetSpent, Lab
from triage.lab.protocol import Answer, Experiment, Step, Trial
from triage.model.experiment import ExperimentResult, RootCause, Status
from triage.probe.api import Case, Finding, Probe

WORTH_ASKING = 0.01
"""A probe that is less likely than this is not asked."""


@dataclass
class Climb:
    """What the probes found on the way."""

    findings: list[tuple[str, Finding]] = field(default_factory=list)
    results: list[ExperimentResult] = field(default_factory=list)
    trials: list[tuple[Experiment, Trial]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unchanged: list[bool] = field(default_factory=list)
    """Whether each further run of the unchanged case failed."""

    @property
    def proven(self) -> Finding | None:
        """The finding that ended the climb."""
        return next((f for _, f in self.findings if f.cause and f.cause.confidence == "proven"), None)

    @property
    def best(self) -> Finding | None:
        """The proven one, else the likeliest: later probes know more than earlier ones."""
        named = [finding for _, finding in self.findings if finding.cause is not None]
        return self.proven or (named[-1] if named else None)

    @property
    def excluded(self) -> tuple[str, ...]:
        """What was ruled out, probe by probe."""
        return tuple(f"{name}: {f.excluded}" for name, f in self.findings if f.excluded)

    def cause(self) -> RootCause:
        """The answer."""
        if self.best is not None and self.best.cause is not None:
            return self.best.cause
        ruled_out = "; ".join(self.excluded) or "nothing was ruled out"
        return RootCause(
            kind="unknown", summary=f"No cause was found. Excluded: {ruled_out}.", confidence="unknown"
        )


def climb(lab: Lab, case: Case, probes: Sequence[Probe], *, only: bool = False) -> Climb:
    """Ask the probes in the order of their likelihood; `only` runs each of them whatever it says."""
    way = Climb()
    waiting, asked = list(probes), list[Probe]()
    while waiting and way.proven is None:
        waiting.sort(key=lambda probe: -probe.likelihood(case))
        probe = waiting.pop(0)
        if not only and probe.likelihood(case) < WORTH_ASKING:
            continue
        try:
            finding = _investigate(lab, case, probe, way)
        except BudgetSpent:
            way.notes.append(f"The budget was spent in the probe {probe.name}; not asked: {_names(waiting)}.")
            break
        except TriageError:
            raise
        except Exception as error:
            way.notes.append(f"The probe {probe.name} broke: {error!r}.")
            continue
        way.findings.append((probe.name, finding))
        way.results.extend(finding.experiments)
        case = _wiser(case, finding, probe.name)
        asked.append(probe)
        if not case.flaky and not all(way.unchanged):
            case = _flaky(case, way)
            waiting += [one for one in asked if one.name != "survey"]
    return way


def _flaky(case: Case, way: Climb) -> Case:
    """It failed every time when it was repeated, and passed later: what was asked of a steady failure counts
    for little."""
    failed, runs = sum(way.unchanged), len(way.unchanged)
    way.notes.append(
        f"Unchanged it passed {runs - failed} of {runs} more times: it is flaky, and asked again as such."
    )
    return replace(case, rate=(case.runs + failed) / (case.runs + runs), runs=case.runs + runs)


def _investigate(lab: Lab, case: Case, probe: Probe, way: Climb) -> Finding:
    steps = probe.investigate(case)
    before = len(way.results)
    try:
        batch: tuple[Step, ...] = next(steps)
        while True:
            answers = lab.answer(batch)
            for step, answer in zip(batch, answers, strict=True):
                if probe.name != "repeat":  # which counts its own
                    way.unchanged += _unchanged(case, step, answer)
                if isinstance(step, Experiment) and isinstance(answer, Trial):
                    way.trials.append((step, answer))
                    way.results.append(answer.result)
            batch = steps.send(answers)
    except StopIteration as end:
        finding: Finding = end.value
        return _sober(finding, (*way.results[before:], *finding.experiments))
    finally:
        steps.close()


def _unchanged(case: Case, step: Step, answer: Answer) -> list[bool]:
    """Whether the case failed, for each run in which only meters and idle instruments were added to it."""
    setup = step.baseline if isinstance(step, Experiment) else step.setup
    idle = not any(any(told.values()) for told in setup.instruments.values())
    if not idle or setup.model_copy(update={"instruments": case.base.instruments}) != case.base:
        return []
    runs = answer.baseline if isinstance(answer, Trial) else (answer,)
    return [run.red(case.nodeid) for run in runs if run.red(case.nodeid) or run.passed(case.nodeid)]


def _sober(finding: Finding, own: Sequence[ExperimentResult]) -> Finding:
    """No probe's word makes a proof: one of its experiments must have been confirmed."""
    cause = finding.cause
    if cause is None or cause.confidence != "proven":
        return finding
    shown = any(
        result.status is Status.CONFIRMED and result.p_value is not None and result.p_value <= 0.05
        for result in own
    )
    if shown:
        return finding
    return finding.model_copy(update={"cause": cause.model_copy(update={"confidence": "likely"})})


def _wiser(case: Case, finding: Finding, name: str) -> Case:
    """What later probes should know: the failure rate, and what the earlier ones said."""
    facts = {**case.facts, name: finding}
    if name == "repeat" and finding.experiments:
        tally = finding.experiments[0].baseline
        return replace(case, rate=tally.failed / tally.runs, runs=tally.runs, facts=facts)
    return replace(case, facts=facts)


def _names(probes: Sequence[Probe]) -> str:
    return ", ".join(probe.name for probe in probes) or "none"

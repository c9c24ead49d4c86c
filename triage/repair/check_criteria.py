"""Run exit criteria and judge them one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.campaign.services import Services
from triage.documents.ledgers import check_regions
from triage.errors import TriageError
from triage.lab.lab import Lab
from triage.lab.measurements import Measurements, magnitude, measurements_of
from triage.lab.observations import relative_evidence
from triage.lab.protocol import Look, Observation, Setup
from triage.model.criterion import Bound, Criterion, CriterionResult, Scope, allowed_rate
from triage.model.outcome import Outcome
from triage.repair.assertion_strength import missing_note

METERS: dict[str, dict[str, Any]] = {"gradients": {}}
_SHOWN_LENGTH = 200
"""Characters of a failure's first line in a finding."""


@dataclass(frozen=True)
class CriterionRuns:
    """Runs that criteria share: what ran together is run once."""

    by_nodeids: dict[tuple[str, ...], list[Observation]]

    def of(self, criterion: Criterion) -> list[Observation]:
        """The runs of a criterion."""
        return self.by_nodeids.get(criterion.nodeids, [])[: criterion.runs]


def run_all(lab: Lab, criteria: Iterable[Criterion]) -> CriterionRuns:
    """Run whatever the criteria need, each set of tests as often as the most demanding one asks."""
    times: dict[tuple[str, ...], int] = {}
    measured: set[tuple[str, ...]] = set()
    for criterion in criteria:
        if criterion.scope is Scope.NONE:
            continue
        times[criterion.nodeids] = max(criterion.runs, times.get(criterion.nodeids, 0))
        if criterion.kind in ("passes", "measures"):
            measured.add(criterion.nodeids)
    looks: list[Look] = []
    for nodeids, runs in times.items():
        setup = Setup(nodeids=nodeids, instruments=METERS if nodeids in measured else {})
        looks += [Look(setup=setup, why="an exit criterion")] * runs
    observations = iter(lab.look(looks))
    return CriterionRuns(
        {nodeids: [next(observations) for _ in range(runs)] for nodeids, runs in times.items()}
    )


def judge(
    services: Services, criterion: Criterion, shared: CriterionRuns, subject: Sequence[str]
) -> CriterionResult:
    """Whether a criterion is met, and the sentence that says why."""
    runs = shared.of(criterion)
    match criterion.kind:
        case "passes":
            return _passes(services.output, criterion, runs, subject)
        case "measures":
            return _measures(services.output, criterion, runs)
        case "no-new-failures":
            return _no_new_failures(services.output, criterion, runs)
        case "docstring":
            return _docstring(services.root, criterion)
        case "ledgers":
            return _ledgers(services, criterion)


def _passes(
    root: Path, criterion: Criterion, runs: Sequence[Observation], subject: Sequence[str]
) -> CriterionResult:
    failed = [run for run in runs if not run.passed(*subject)]
    finding = _first_failure(failed[0], subject) if failed else "every run passed"
    passed = len(runs) - len(failed)
    return _result(root, criterion, runs, met=bool(runs) and not failed, passed=passed, finding=finding)


def _first_failure(run: Observation, subject: Sequence[str]) -> str:
    """How the first test of the subject that did not pass ended."""
    nodeid = next(n for n in subject if run.outcome(n) is not Outcome.PASSED)
    sentence = f"{nodeid} ended as {run.outcome(nodeid).value}"
    failure = run.failures.get(nodeid)
    if failure is None or not failure.message:
        return sentence
    return f"{sentence}: {failure.message.splitlines()[0][:_SHOWN_LENGTH]}"


def _measures(root: Path, criterion: Criterion, runs: Sequence[Observation]) -> CriterionResult:
    unmet = [_unmet(measurements_of(run.measured), criterion.bounds) for run in runs]
    broken = [sentences for sentences in unmet if sentences]
    finding = broken[0][0] if broken else "every bound holds in every run"
    passed = len(runs) - len(broken)
    return _result(root, criterion, runs, met=bool(runs) and not broken, passed=passed, finding=finding)


def _unmet(measured: Measurements | None, bounds: Iterable[Bound]) -> list[str]:
    """One sentence for each bound that does not hold."""
    sentences = []
    for bound in bounds:
        value = _quantity(measured, bound.quantity) if measured is not None else None
        if not bound.holds(value):
            shown = "was not measured" if value is None else f"is {value:.6g}"
            sentences.append(f"{bound.quantity} {shown}, and must be above {bound.above:g}")
    return sentences


def _quantity(measured: Measurements, name: str) -> float | None:
    """The loss with its sign, or the size of a gradient."""
    if name != "loss":
        return magnitude(measured.gradients.get(name))
    loss = measured.loss
    return loss if isinstance(loss, int | float) and not isinstance(loss, bool) else None


def _no_new_failures(root: Path, criterion: Criterion, runs: Sequence[Observation]) -> CriterionResult:
    flaws = [_new_failure(run, criterion) for run in runs]
    found = [flaw for flaw in flaws if flaw is not None]
    finding = found[-1] if found else "no test is newly red"
    passed = len(runs) - len(found)
    return _result(root, criterion, runs, met=bool(runs) and not found, passed=passed, finding=finding)


def _new_failure(run: Observation, criterion: Criterion) -> str | None:
    """What a run shows that was not there before; None where it shows nothing new."""
    red = [nodeid for nodeid, outcome in run.outcomes.items() if outcome.is_red]
    new = sorted(set(red) - set(criterion.tolerated))
    if new:
        more = f", and {len(new) - 1} more" if len(new) > 1 else ""
        return f"{new[0]} is newly red{more}"
    missing = [nodeid for nodeid in criterion.nodeids if run.outcome(nodeid) is Outcome.NOT_RUN]
    if missing:
        return f"{missing[0]} did not run"
    return None if run.outcomes else "no test ran"


def _docstring(root: Path, criterion: Criterion) -> CriterionResult:
    problems = [missing_note(root, nodeid, criterion.mentions) for nodeid in criterion.nodeids]
    problem = next((text for text in problems if text), None)
    return _result(root, criterion, (), met=problem is None, finding=problem or "the note is there")


def _ledgers(services: Services, criterion: Criterion) -> CriterionResult:
    try:
        check_regions(services.output)
    except TriageError as error:
        return _result(services.output, criterion, (), met=False, finding=error.what)
    return _result(services.output, criterion, (), met=True, finding="triage can write its regions")


def _result(
    root: Path,
    criterion: Criterion,
    runs: Sequence[Observation],
    *,
    met: bool,
    finding: str,
    passed: int = 0,
) -> CriterionResult:
    return CriterionResult(
        name=criterion.name,
        met=met,
        said=finding,
        runs=len(runs),
        passed=passed,
        allowed_rate=allowed_rate(passed) if met else None,
        seconds=round(sum(run.seconds for run in runs), 3),
        evidence=tuple(relative_evidence(root, run.evidence) for run in runs),
    )

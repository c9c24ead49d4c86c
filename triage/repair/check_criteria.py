"""Exit criteria, run and judged one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triage.campaign.services import Services
from triage.documents.ledgers import check_regions
from triage.errors import TriageError
from triage.lab.lab import Lab
from triage.lab.measurements import measurements
from triage.lab.protocol import Look, Observation, Setup
from triage.lab.session import evidence_name
from triage.model.criterion import Bound, Criterion, CriterionResult, Scope, allowed_rate
from triage.model.outcome import Outcome
from triage.repair.assertion_strength import missing_note
from triage.repair.criteria import magnitude

METERS: dict[str, dict[str, Any]] = {"gradients": {}}


@dataclass
class Seen:
    """Runs that criteria share: what ran together is run once."""

    runs: dict[tuple[str, ...], list[Observation]] = field(default_factory=dict)

    def of(self, criterion: Criterion) -> list[Observation]:
        """The runs of a criterion."""
        return self.runs.get(criterion.nodeids, [])[: criterion.runs]


def run_all(lab: Lab, criteria: Iterable[Criterion]) -> Seen:
    """Run whatever the criteria need, each set of tests as often as the most demanding one asks."""
    wanted: dict[tuple[str, ...], tuple[int, bool]] = {}
    for criterion in criteria:
        if criterion.scope is not Scope.NONE:
            runs, meters = wanted.get(criterion.nodeids, (0, False))
            narrow = criterion.kind in ("passes", "measures")
            wanted[criterion.nodeids] = (max(runs, criterion.runs), meters or narrow)
    looks: list[Look] = []
    for nodeids, (runs, meters) in wanted.items():
        setup = Setup(nodeids=nodeids, instruments=METERS if meters else {})
        looks += [Look(setup=setup, why="an exit criterion")] * runs
    observations = iter(lab.look(looks))
    return Seen({nodeids: [next(observations) for _ in range(runs)] for nodeids, (runs, _) in wanted.items()})


def judge(services: Services, criterion: Criterion, seen: Seen, subject: Sequence[str]) -> CriterionResult:
    """Whether a criterion is met, and the sentence that says why."""
    runs = seen.of(criterion)
    if criterion.kind == "passes":
        return _passes(services.root, criterion, runs, subject)
    if criterion.kind == "measures":
        return _measures(services.root, criterion, runs)
    if criterion.kind == "no-new-failures":
        return _no_new_failures(services.root, criterion, runs)
    if criterion.kind == "docstring":
        return _docstring(services.root, criterion)
    return _ledgers(services, criterion)


def _passes(
    root: Path, criterion: Criterion, runs: Sequence[Observation], subject: Sequence[str]
) -> CriterionResult:
    passed = sum(run.passed(*subject) for run in runs)
    first = next((run for run in runs if not run.passed(*subject)), None)
    said = "every run passed"
    if first is not None:
        nodeid = next(n for n in subject if first.outcome(n) is not Outcome.PASSED)
        failure = first.failures.get(nodeid)
        why = f": {failure.message.splitlines()[0][:200]}" if failure and failure.message else ""
        said = f"{nodeid} ended as {first.outcome(nodeid).value}{why}"
    return _result(root, criterion, runs, met=first is None and bool(runs), passed=passed, said=said)


def _measures(root: Path, criterion: Criterion, runs: Sequence[Observation]) -> CriterionResult:
    broken = [_unmet(measurements(run.measured), criterion.bounds) for run in runs]
    passed = sum(not unmet for unmet in broken)
    first = next((unmet for unmet in broken if unmet), None)
    said = first[0] if first else "every bound holds in every run"
    return _result(root, criterion, runs, met=first is None and bool(runs), passed=passed, said=said)


def _unmet(measured: Mapping[str, Any], bounds: Iterable[Bound]) -> list[str]:
    found = []
    for bound in bounds:
        if bound.quantity == "loss":
            raw = measured.get("loss")
            value = raw if isinstance(raw, int | float) and not isinstance(raw, bool) else None
        else:
            value = magnitude(measured.get("gradients", {}).get(bound.quantity))
        if not bound.holds(value):
            shown = "was not measured" if value is None else f"is {value:.6g}"
            found.append(f"{bound.quantity} {shown}, and must be above {bound.above:g}")
    return found


def _no_new_failures(root: Path, criterion: Criterion, runs: Sequence[Observation]) -> CriterionResult:
    tolerated = set(criterion.tolerated)
    said, passed = "no test is newly red", 0
    for run in runs:
        new = sorted(n for n, outcome in run.outcomes.items() if outcome.is_red and n not in tolerated)
        missing = [n for n in criterion.nodeids if run.outcome(n) is Outcome.NOT_RUN]
        if new:
            said = f"{new[0]} is newly red" + (f", and {len(new) - 1} more" if len(new) > 1 else "")
        elif missing or not run.outcomes:
            said = f"{missing[0]} did not run" if missing else "no test ran"
        else:
            passed += 1
    return _result(root, criterion, runs, met=passed == len(runs) > 0, passed=passed, said=said)


def _docstring(root: Path, criterion: Criterion) -> CriterionResult:
    problems = [missing_note(root, nodeid, criterion.mentions) for nodeid in criterion.nodeids]
    problem = next((text for text in problems if text), None)
    return _result(root, criterion, (), met=problem is None, said=problem or "the note is there")


def _ledgers(services: Services, criterion: Criterion) -> CriterionResult:
    try:
        check_regions(services.root)
    except TriageError as error:
        return _result(services.root, criterion, (), met=False, said=error.what)
    return _result(services.root, criterion, (), met=True, said="they take what triage writes")


def _result(
    root: Path,
    criterion: Criterion,
    runs: Sequence[Observation],
    *,
    met: bool,
    said: str,
    passed: int = 0,
) -> CriterionResult:
    return CriterionResult(
        name=criterion.name,
        met=met,
        said=said,
        runs=len(runs),
        passed=passed,
        allowed_rate=allowed_rate(passed) if met else None,
        seconds=round(sum(run.seconds for run in runs), 3),
        evidence=tuple(evidence_name(root, run.evidence) for run in runs),
    )

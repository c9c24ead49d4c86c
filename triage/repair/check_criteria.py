"""Run exit criteria and judge them one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
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
from triage.model.recorded_criteria import RecordedCriteria
from triage.repair.asked import STEADY_RUNS
from triage.repair.assertion_strength import missing_note
from triage.repair.inputs import TWICE
from triage.repair.options import text_of
from triage.repair.skipped_code import still_skipped

_METERS_OF: dict[str, dict[str, dict[str, Any]]] = {
    "passes": {"gradients": {}},
    "measures": {"gradients": {}},
    "executes": {"gradients": {}, "lines": {}},
}
"""What is measured in the runs of a criterion, by its kind; of others only the outcomes count."""
_SHOWN_LENGTH = 200
"""Characters of a failure's first line in a finding."""


Round = tuple[Observation, ...]
"""One run of a criterion: one process, or one for each test that runs apart."""


@dataclass(frozen=True)
class CriterionRuns:
    """Runs that criteria share: what ran together under the same conditions is run once."""

    by_setup: dict[str, list[Observation]]
    """The setup's JSON to its runs."""

    def rounds(self, criterion: Criterion) -> list[Round]:
        """The runs of a criterion."""
        columns = [self.by_setup.get(_key(each), []) for each in _processes(criterion)]
        return list(zip(*(column[: criterion.runs] for column in columns), strict=True))

    def of(self, criterion: Criterion) -> list[Observation]:
        """The same, process by process."""
        return [run for together in self.rounds(criterion) for run in together]


@dataclass(frozen=True)
class _Process:
    """What one process of a criterion runs, and how."""

    nodeids: tuple[str, ...]
    criterion: Criterion

    def setup(self, instruments: dict[str, dict[str, Any]]) -> Setup:
        if self.criterion.twice:
            instruments = {**instruments, TWICE: {"on": True}}
        plain = Setup(
            nodeids=self.nodeids,
            imports=self.criterion.imports,
            instruments=instruments,
            workers=self.criterion.workers,
            distribution=self.criterion.distribution,
        )
        conditions = self.criterion.conditions
        if conditions is None:
            return plain
        return plain.plus(
            env=conditions.env,
            suite_args=conditions.pytest_args,
            seed=conditions.seed,
            test_timeout=conditions.test_timeout,
        )


@dataclass
class _SharedProcess:
    """A process, and what the criteria that share its runs ask of them together."""

    process: _Process
    times: int = 0
    names: list[str] = field(default_factory=list)
    """Of the criteria."""
    meters: dict[str, dict[str, Any]] = field(default_factory=dict)

    def serve(self, criterion: Criterion) -> None:
        """Run as often as this criterion asks at least, and measure what it needs."""
        self.times = max(self.times, criterion.runs)
        self.names.append(criterion.name)
        self.meters |= _METERS_OF.get(criterion.kind, {})

    def look(self, *, is_first: bool) -> Look:
        """One of its runs."""
        named = ", ".join(dict.fromkeys(self.names))
        return Look(
            setup=self.process.setup(self.meters),
            why=f"exit criterion {named}",
            fresh=is_first or self.times > STEADY_RUNS,
        )


def _processes(criterion: Criterion) -> list[_Process]:
    """The processes of one run of a criterion; none where nothing is run."""
    if criterion.scope is Scope.NONE:
        return []
    together = [(nodeid,) for nodeid in criterion.nodeids] if criterion.apart else [criterion.nodeids]
    return [_Process(nodeids, criterion) for nodeids in together]


def _key(process: _Process) -> str:
    return process.setup({}).model_dump_json()


def run_all(lab: Lab, criteria: Iterable[Criterion]) -> CriterionRuns:
    """Run whatever the criteria need, each process as often as the most demanding one asks.

    The first run of each process is a new interpreter, its repeats may fork from a warm parent. A flaky
    test, which is asked to run more often than a steady one, is given a new interpreter each time: forks of
    one parent share what was drawn when it started.
    """
    shared: dict[str, _SharedProcess] = {}
    for criterion in criteria:
        for process in _processes(criterion):
            shared.setdefault(_key(process), _SharedProcess(process)).serve(criterion)
    # A parent imports what a first run has imported, and should know no more than the fewest tests need:
    # these begin. Beside them the longest, which would keep one worker busy at the end.
    shortest_first = sorted(shared, key=lambda key: len(shared[key].process.nodeids))
    firsts = [*shortest_first[:1], *reversed(shortest_first[1:])]
    order = list(firsts)
    looks = [shared[key].look(is_first=True) for key in firsts]
    for key in firsts:
        repeats = shared[key].times - 1
        order += [key] * repeats
        looks += [shared[key].look(is_first=False)] * repeats
    seen: dict[str, list[Observation]] = {key: [] for key in firsts}
    for key, observation in zip(order, lab.look(looks), strict=True):
        seen[key].append(observation)
    return CriterionRuns(seen)


def judge(
    services: Services,
    criterion: Criterion,
    shared: CriterionRuns,
    subject: Sequence[str],
    recorded: RecordedCriteria | None = None,
) -> CriterionResult:
    """Whether a criterion is met, and the sentence that says why.

    `recorded` are the failing runs that criteria without a design compare the tree with.
    """
    runs = shared.of(criterion)
    match criterion.kind:
        case "passes":
            return _passes(services.output, criterion, shared.rounds(criterion), criterion.watched or subject)
        case "measures":
            return _measures(services.output, criterion, runs)
        case "no-new-failures":
            return _no_new_failures(services.output, criterion, runs)
        case "executes":
            return _executes(services, criterion, runs)
        case "docstring":
            return _docstring(services.root, criterion)
        case "ledgers":
            return _ledgers(services, criterion)
        case "red-before" | "members" | "change" | "tests":
            return _compared(services.output, criterion, recorded)


def _compared(root: Path, criterion: Criterion, recorded: RecordedCriteria | None) -> CriterionResult:
    answer = recorded.answer(criterion) if recorded is not None else None
    if answer is None:
        return _result(root, criterion, (), met=False, finding="there is no failing run to compare with")
    return _result(root, criterion, (), met=answer.met, finding=answer.said)


def _passes(
    root: Path, criterion: Criterion, rounds: Sequence[Round], watched: Sequence[str]
) -> CriterionResult:
    first_failure: str | None = None
    passed = 0
    for together in rounds:
        not_passed = [nodeid for nodeid in watched if not _passed(together, nodeid)]
        if not not_passed:
            passed += 1
        elif first_failure is None:
            first_failure = _how_it_ended(together, not_passed[0])
    finding = first_failure or "every run passed"
    runs = [run for together in rounds for run in together]
    met = bool(rounds) and passed == len(rounds)
    result = _result(root, criterion, runs, met=met, passed=passed, finding=finding)
    return result.model_copy(update={"runs": len(rounds)})


def _passed(together: Round, nodeid: str) -> bool:
    """Whether a test passed in the process that ran it; of a run without it, it did not."""
    return any(run.passed(nodeid) for run in together)


def _how_it_ended(together: Round, nodeid: str) -> str:
    """How a test that did not pass ended."""
    run = next((run for run in together if nodeid in run.outcomes), together[0])
    sentence = f"{nodeid} ended as {run.outcome(nodeid).value}"
    failure = run.failures.get(nodeid)
    if failure is None or not failure.message:
        return sentence
    return f"{sentence}: {failure.message.splitlines()[0][:_SHOWN_LENGTH]}"


def _executes(services: Services, criterion: Criterion, runs: Sequence[Observation]) -> CriterionResult:
    places = []
    for run in runs:
        place = still_skipped(
            criterion.lines, run, criterion.nodeids, lambda path: text_of(services.root, path)
        )
        if place is not None:
            places.append(place)
    finding = f"{places[0]} is unchanged and does not run" if places else "every line runs, or was changed"
    passed = len(runs) - len(places)
    return _result(
        services.output, criterion, runs, met=bool(runs) and not places, passed=passed, finding=finding
    )


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

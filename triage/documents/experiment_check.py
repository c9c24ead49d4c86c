"""Check the folders of phases B to D: runs, record of experiments, verdicts and what is concluded from them.

Each run of an experiment left an event log of its own. What the record says of the run must follow from it,
a verdict from the runs it cites, and a conclusion from the verdicts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from math import isclose
from pathlib import Path
from typing import Any

from triage.documents.recorded_events import read_events
from triage.documents.verification_check import check_verification
from triage.model.experiment import EXPERIMENTS_FILE, ExperimentResult, ProbeReport, Status
from triage.model.outcome import Outcome
from triage.model.statistics import one_sided

_RUN = re.compile(r"runs/([0-9]{4,})(?:/|$)")
_RESTS_ON_RECORD = re.compile(r'/runs/[0-9]{4}|"p_value": [0-9]')
"""In a document: it cites a run, or a verdict."""
_SIGNIFICANT = 0.05
"""Highest p-value at which any experiment is confirmed; single experiments ask for less."""


@dataclass
class _Run:
    """One run as the record of experiments has it."""

    not_passed: Mapping[str, str]
    outcomes: Mapping[str, str] = field(default_factory=dict)
    """As its own event log has them."""

    repeated: frozenset[str] = frozenset()
    """Ids that several of its tests have."""

    @property
    def reds(self) -> frozenset[str]:
        """Tests that ended red."""
        stated = {**self.outcomes, **self.not_passed}
        return frozenset(nodeid for nodeid, outcome in stated.items() if Outcome(outcome).is_red)

    @property
    def is_empty(self) -> bool:
        """Whether no test ran."""
        return not (self.outcomes or self.not_passed or self.repeated)

    def outcome(self, nodeid: str) -> Outcome:
        """The outcome of a test, or of a file: it passes where something of it was collected."""
        stated = self.not_passed.get(nodeid) or self.outcomes.get(nodeid)
        if stated is None and nodeid in self.repeated:
            return Outcome.PASSED  # what did not pass is named
        if stated is None and "::" not in nodeid and self.outcomes:
            return Outcome.PASSED
        return Outcome(stated) if stated else Outcome.NOT_RUN


@dataclass
class _Record:
    """What `experiments.jsonl` holds."""

    runs: dict[int, _Run] = field(default_factory=dict)
    predicted: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    judged: list[tuple[int, ExperimentResult]] = field(default_factory=list)
    known: list[ExperimentResult] = field(default_factory=list)
    """Verdicts of earlier investigations."""


def check_experiments(folder: Path) -> Iterator[tuple[str, str]]:
    """Give the file name and the problem of everything that does not follow from the folder's runs."""
    documents = [
        name
        for name in ("probe.json", "joint.json", "design.json", "verify.json")
        if (folder / name).is_file()
    ]
    path = folder / EXPERIMENTS_FILE
    if not documents and not path.is_file():
        return
    if not path.is_file():
        texts = [(folder / name).read_text("utf-8", "replace") for name in documents]
        rests_on_it = any(_RESTS_ON_RECORD.search(text) for text in texts)
        if rests_on_it or (folder / "runs").is_dir():
            yield EXPERIMENTS_FILE, "is missing"
        return
    try:
        record = _read(path.read_bytes())
    except _UNREADABLE as error:
        yield EXPERIMENTS_FILE, f"cannot be read: {_first_line(error)}"
        return
    yield from _check_runs(folder, record)
    for number, result in record.judged:
        for problem in _problems_of_verdict(record, number, result):
            yield EXPERIMENTS_FILE, problem
    checks: Mapping[str, Callable[[Path, _Record], Iterator[str]]] = {
        "probe.json": _problems_of_probe,
        "joint.json": _problems_of_joint_search,
        "design.json": _problems_of_design,
        "verify.json": _problems_of_verification,
    }
    for name in documents:
        try:
            for problem in checks[name](folder / name, record):
                yield name, problem
        except _UNREADABLE as error:
            yield name, f"cannot be read: {_first_line(error)}"


_UNREADABLE = (ValueError, KeyError, TypeError, IndexError, AttributeError, OSError)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def _read(data: bytes) -> _Record:
    found = _Record()
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        event = json.loads(line)
        match event["event"]:
            case "observed":
                found.runs[event["run"]] = _Run(event["not_passed"])
            case "predicted":
                found.predicted[event["experiment"]] = event
            case "judged":
                found.judged.append((event["experiment"], ExperimentResult.model_validate(event["result"])))
            case "known":
                found.known.append(ExperimentResult.model_validate(event["result"]))
    return found


def _check_runs(folder: Path, record: _Record) -> Iterator[tuple[str, str]]:
    """Each run has its folder and its line, and both say the same."""
    folders = {int(path.name): path for path in (folder / "runs").glob("*") if path.name.isdigit()}
    for number in sorted(folders.keys() - record.runs.keys()):
        yield EXPERIMENTS_FILE, f"run {number} left a folder, and no line tells of it"
    for number in sorted(record.runs.keys() - folders.keys()):
        yield f"runs/{number:04d}", f"is missing: {EXPERIMENTS_FILE} tells of run {number}"
    gaps = set(range(1, max(record.runs, default=0) + 1)) - record.runs.keys()
    for number in sorted(gaps - folders.keys()):
        yield EXPERIMENTS_FILE, f"run {number} is missing between others"
    for number in sorted(folders.keys() & record.runs.keys()):
        name = f"runs/{folders[number].name}/events.jsonl"
        for problem in _problems_of_log(folder / name, record.runs[number]):
            yield name, problem


def _problems_of_log(path: Path, run: _Run) -> Iterator[str]:
    """Read the outcomes of a run from its event log into `run`, and hold its line in the record to them."""
    try:
        events = read_events(path.read_bytes())
        run.outcomes = events.by_nodeid("")
        run.repeated = frozenset(key[0] for _, key in events.outcomes) - run.outcomes.keys()
    except _UNREADABLE as error:
        yield f"cannot be read: {_first_line(error)}"
        return
    for nodeid, outcome in run.outcomes.items():
        stated = run.not_passed.get(nodeid, Outcome.PASSED.value)
        if stated != outcome:
            yield f"{nodeid} is {outcome} here, and {stated} in {EXPERIMENTS_FILE}"


def _run_numbers(evidence: tuple[str, ...]) -> list[int]:
    """The numbers of the runs that paths of evidence lie in."""
    numbers = []
    for path in evidence:
        match = _RUN.search(path)
        if match is not None:
            numbers.append(int(match[1]))
    return numbers


def _problems_of_verdict(record: _Record, number: int, result: ExperimentResult) -> Iterator[str]:
    """The counts of a verdict are those of the runs that it cites; a confirmation follows the rule."""
    what = f"experiment {number} ({result.probe})"
    prediction = record.predicted.get(number)
    if prediction is None:
        yield f"{what} has a verdict and no prediction"
        return
    yield from _problems_of_rule(what, result)
    numbers = _run_numbers(result.evidence)
    if len(numbers) != result.baseline.runs + result.treated.runs or not set(numbers) <= record.runs.keys():
        return
    watch = tuple(prediction["watch"])
    treated_watch = tuple(prediction.get("treated_watch") or watch)
    runs = [record.runs[each] for each in numbers]
    baseline, treated = runs[: result.baseline.runs], runs[result.baseline.runs :]
    # a verdict on each of several tests counts the runs in which all of them were red
    counts = all if prediction.get("each_watched") else any
    red = without_pass = 0
    for run in baseline:
        red += counts(run.outcome(nodeid).is_red for nodeid in watch)
    for run in treated:
        without_pass += any(run.outcome(nodeid) is not Outcome.PASSED for nodeid in treated_watch)
    if red != result.baseline.failed:
        yield f"{what} says that {result.baseline.failed} unchanged runs failed; {red} of those it cites did"
    if without_pass != result.treated.failed:
        yield f"{what} says that {result.treated.failed} changed runs failed; {without_pass} of them did"


def _problems_of_rule(what: str, result: ExperimentResult) -> Iterator[str]:
    before, after = result.baseline, result.treated
    if result.p_value is None:
        return
    p_value = one_sided(before.failed, before.runs, after.failed, after.runs)
    confirms = before.failed and not after.failed and p_value <= _SIGNIFICANT
    if not isclose(p_value, result.p_value, rel_tol=1e-9, abs_tol=1e-12):
        yield f"{what}: p is {result.p_value:.3g}, and its counts give {p_value:.3g}"
    elif result.status is Status.CONFIRMED and not confirms:
        yield f"{what} is called confirmed, and its counts do not confirm it"


def _problems_of_stated(
    what: str, result: ExperimentResult, on_record: Set[tuple[object, ...]]
) -> Iterator[str]:
    """A verdict in a document follows the rule, and is one that the record holds."""
    yield from _problems_of_rule(what, result)
    if result.p_value is not None and _verdict(result) not in on_record:
        yield f"{what} has a verdict that {EXPERIMENTS_FILE} does not hold"


def _verdict(result: ExperimentResult) -> tuple[object, ...]:
    factor = result.factor.model_dump_json() if result.factor else None
    return (result.probe, factor, result.status, result.baseline, result.treated, result.p_value)


def _problems_of_probe(path: Path, record: _Record) -> Iterator[str]:
    """Every verdict of the report is on record, and a proof is a confirmed one."""
    report = ProbeReport.model_validate_json(path.read_bytes())
    judged = [result for _, result in record.judged]
    on_record = {_verdict(result) for result in (*judged, *record.known)}
    for number, result in enumerate(report.experiments, start=1):
        yield from _problems_of_stated(f"experiment {number} ({result.probe})", result, on_record)
    confirmed = any(result.status is Status.CONFIRMED for result in report.experiments)
    if report.root_cause.confidence == "proven" and not confirmed:
        yield "its cause is called proven, and no experiment confirms it"
    if report.root_cause.claim is not None and not confirmed:
        yield f"its claim is a {report.root_cause.claim}, and no experiment is confirmed"
    for number, patch in enumerate(report.patches, start=1):
        yield from _other_text(path.with_name(f"repair_{number}.patch"), patch.diff)


def _problems_of_joint_search(path: Path, record: _Record) -> Iterator[str]:
    """Every verdict is on record, a proven cause is confirmed in both directions, all runs are counted."""
    document = json.loads(path.read_bytes())
    on_record = {_verdict(result) for _, result in record.judged}
    for cause in (*document["causes"], *document["factors"]):
        results = [ExperimentResult.model_validate(result) for result in cause["experiments"]]
        what = ", ".join(hunk["place"] for hunk in cause["hunks"]) if "hunks" in cause else cause["factor"]
        for result in results:
            yield from _problems_of_stated(what, result, on_record)
        if cause["confidence"] != "unknown" and not any(each.status is Status.CONFIRMED for each in results):
            yield f"{what} is called {cause['confidence']}, and no experiment confirms it"
    if document["cost"]["processes"] != len(record.runs):
        yield f"it counts {document['cost']['processes']} runs, and {len(record.runs)} are on record"


def _problems_of_design(path: Path, record: _Record) -> Iterator[str]:
    """Each option is the patch that lies beside it, with the outcomes of the runs that it cites."""
    for option in json.loads(path.read_bytes())["options"]:
        letter = option["letter"]
        yield from _other_text(path.parent / "options" / f"{letter}.patch", option["patch"])
        for run in option["targeted"]:
            yield from _problems_of_run(record, f"option {letter}", run["evidence"], run["outcome"])
        passed = sum(run["outcome"] == Outcome.PASSED.value for run in option["targeted"])
        if option["targeted"] and passed != option["passed"]:
            yield f"option {letter} says that {option['passed']} runs passed; {passed} of those it lists did"


def _problems_of_verification(path: Path, record: _Record) -> Iterator[str]:
    """The answer follows from the criteria, and each of them from the runs that it cites."""
    yield from check_verification(path, record.runs)


def _problems_of_run(record: _Record, what: str, evidence: str, outcome: str) -> Iterator[str]:
    for number in _run_numbers((evidence,)):
        run = record.runs.get(number)
        if run is None:
            yield f"{what} cites run {number}, of which no line tells"
        elif _is_red(run) and outcome == Outcome.PASSED.value:
            yield f"{what} says that run {number} passed, and it failed"


def _is_red(run: _Run) -> bool:
    return any(Outcome(outcome).is_red for outcome in (*run.not_passed.values(), *run.outcomes.values()))


def _other_text(path: Path, expected: str) -> Iterator[str]:
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        yield f"{path.name} is missing"
        return
    if text != expected:
        yield f"{path.name} is not the patch that it holds"

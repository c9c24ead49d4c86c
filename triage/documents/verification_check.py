"""Check a verification: its answers follow from the runs that it cites and the failing runs on record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from triage.evidence.record_rows import read_run_record
from triage.model.criterion import Criterion, Scope
from triage.model.outcome import Outcome
from triage.model.recorded_criteria import RecordedCriteria, RecordedFailure
from triage.model.run import RunRecord

CRITERIA = "criteria.json"
_RUN = re.compile(r"runs/([0-9]{4,})(?:/|$)")
_FOLDERS_BELOW_ROOT = 4
"""reports/<campaign>/phase_d/<STAMP>."""


class ShownRun(Protocol):
    """One run as the record of a verification has it."""

    @property
    def reds(self) -> frozenset[str]:
        """Tests that ended red."""

    @property
    def is_empty(self) -> bool:
        """Whether no test ran."""

    def outcome(self, nodeid: str) -> Outcome:
        """The outcome of a test."""


def check_verification(path: Path, runs: Mapping[int, ShownRun]) -> Iterator[str]:
    """Give a sentence for each thing in `verify.json` that does not follow; `runs` are those on record.

    Raises what reading a damaged document raises.
    """
    document = json.loads(path.read_bytes())
    results = document["results"]
    unmet = [result["name"] for result in results if not result["met"]]
    if document["unmet"] != unmet or document["resolved"] != (not unmet):
        yield "its answer is not what its criteria give"
    for result in results:
        yield from _problems_of_counts(result, runs)
    root = path.parents[_FOLDERS_BELOW_ROOT]
    source = root / document["design"]
    if not source.is_file():
        yield f"its criteria are missing: {document['design']}"
        return
    laid_down = json.loads(source.read_bytes())
    criteria = [Criterion.model_validate(row) for row in laid_down["criteria"]]
    if [criterion.name for criterion in criteria] != [result["name"] for result in results]:
        yield f"its criteria are not those of {document['design']}"
        return
    subject = tuple(laid_down["subject"])
    for criterion, result in zip(criteria, results, strict=True):
        yield from _problems_of_runs(criterion, result, subject, runs)
    if source.name == CRITERIA:
        yield from _problems_of_recorded(RecordedCriteria.model_validate(laid_down), results, root)


def _problems_of_counts(result: Mapping[str, Any], runs: Mapping[int, ShownRun]) -> Iterator[str]:
    what = f"criterion {result['name']}"
    if result["passed"] > result["runs"] or (result["met"] and result["passed"] < result["runs"]):
        yield f"{what} is called met with {result['passed']} of {result['runs']} runs passed"
    for number in _cited(result):
        if number not in runs:
            yield f"{what} cites run {number}, of which no line tells"


def _problems_of_runs(
    criterion: Criterion, result: Mapping[str, Any], subject: Sequence[str], runs: Mapping[int, ShownRun]
) -> Iterator[str]:
    """The passes of a criterion counted again; what is measured in a run is not in its event log."""
    what = f"criterion {criterion.name}"
    numbers = _cited(result)
    if criterion.scope is Scope.NONE or not set(numbers) <= runs.keys():
        return
    each = len(criterion.nodeids) if criterion.apart else 1
    if result["met"] and (result["runs"] < criterion.runs or len(numbers) != result["runs"] * each):
        yield f"{what} asks for {criterion.runs} runs, and {len(numbers) // each} are cited"
        return
    shown = [runs[number] for number in numbers]
    rounds = [shown[start : start + each] for start in range(0, len(shown), each)]
    if criterion.kind == "passes":
        passed = sum(_passes(together, criterion.watched or subject) for together in rounds)
    elif criterion.kind == "no-new-failures":
        passed = sum(_shows_nothing_new(together[0], criterion) for together in rounds)
    else:
        return
    if passed != result["passed"]:
        yield f"{what} says that {result['passed']} runs passed; {passed} of those it cites did"


def _passes(together: Sequence[ShownRun], watched: Sequence[str]) -> bool:
    return all(any(run.outcome(nodeid) is Outcome.PASSED for run in together) for nodeid in watched)


def _shows_nothing_new(run: ShownRun, criterion: Criterion) -> bool:
    all_ran = all(run.outcome(nodeid) is not Outcome.NOT_RUN for nodeid in criterion.nodeids)
    return all_ran and not run.is_empty and not run.reds - set(criterion.tolerated)


def _problems_of_recorded(
    recorded: RecordedCriteria, results: Sequence[Mapping[str, Any]], root: Path
) -> Iterator[str]:
    """The failing runs say what they are said to say, and the answers follow."""
    records: dict[str, RunRecord | None] = {}
    for failure in recorded.failures:
        if failure.run not in records:
            records[failure.run] = _read(root / failure.run)
        yield from _problems_of_failure(failure, records[failure.run])
    named = {failure.nodeid for failure in recorded.failures}
    for test in recorded.renamed:
        if test.now not in named:
            yield f"{test.now} is said to be {test.nodeid}, and is no failing test of {CRITERIA}"
    stamps = {failure.stamp for failure in recorded.failures}
    if stamps != {change.stamp for change in recorded.changes}:
        yield f"{CRITERIA} does not compare the tree with that of each failing run"
    for criterion, result in zip(recorded.criteria, results, strict=True):
        answer = recorded.answer(criterion)
        if answer is not None and (answer.met, answer.said) != (result["met"], result["said"]):
            yield f"criterion {criterion.name} says {result['said']!r}, and {CRITERIA} gives {answer.said!r}"


def _problems_of_failure(failure: RecordedFailure, record: RunRecord | None) -> Iterator[str]:
    if record is None:
        yield f"the failing run {failure.run} is missing or cannot be read"
        return
    rows = (*record.results, *record.collect_errors)
    result = next((row for row in rows if row.nodeid == failure.recorded_as), None)
    if result is None or not result.outcome.has_failures:
        yield f"{failure.recorded_as} is said to be red in {failure.stamp}, and it is not"
        return
    stated = (failure.outcome, failure.runs, failure.failed)
    if stated != (result.outcome, max(1, result.executions), max(1, result.failed_executions)):
        yield f"{failure.recorded_as} fared otherwise in {failure.stamp} than {CRITERIA} says"


def _cited(result: Mapping[str, Any]) -> list[int]:
    found = [_RUN.search(path) for path in result["evidence"]]
    return [int(match[1]) for match in found if match]


def _read(path: Path) -> RunRecord | None:
    try:
        return read_run_record(path)
    except (OSError, ValueError):
        return None

"""Check the reruns of a run: their outcomes against their records, the run's results against them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from triage.documents.recorded_events import read_events
from triage.model.outcome import Outcome
from triage.model.reruns import RerunDocument, RerunTest, concluded
from triage.model.run import Key, Reruns, RunRecord, keys_of

DOCUMENT = "reruns.json"
EVENTS = "events.jsonl"


def check_reruns(folder: Path, record: RunRecord) -> Iterator[tuple[str, str]]:
    """Give the file name and the problem of everything in `reruns/` that does not agree."""
    try:
        document = RerunDocument.model_validate_json((folder / DOCUMENT).read_bytes())
        recorded = read_events((folder / EVENTS).read_bytes()).outcomes
    except FileNotFoundError as error:
        yield Path(error.filename).name, "is missing"
        return
    except (ValidationError, ValueError, KeyError, TypeError, IndexError, OSError) as error:
        yield DOCUMENT, f"cannot be read: {str(error).splitlines()[0]}"
        return
    for test in document.tests:
        for problem in _problems_of_runs(test, recorded):
            yield DOCUMENT, problem
    for problem in _problems_of_results(document, record):
        yield DOCUMENT, problem


def _problems_of_runs(test: RerunTest, recorded: Mapping[tuple[str, Key], str]) -> Iterator[str]:
    for run in test.runs:
        in_record = recorded.get((run.chunk, (test.nodeid, test.nth)))
        if in_record != run.outcome:
            yield f"{test.nodeid} is {run.outcome} in {run.chunk}, and {in_record} in {EVENTS}"


def _problems_of_results(document: RerunDocument, record: RunRecord) -> Iterator[str]:
    """Each result has the outcome and the figures that its reruns lead to."""
    expected: dict[Key, tuple[Outcome, Reruns | None]] = {}
    for test in document.tests:
        expected[test.nodeid, test.nth] = concluded(test)
    keys = keys_of([result.nodeid for result in record.results])
    for key, result in zip(keys, record.results, strict=True):
        outcome, reruns = expected.pop(key, (result.outcome, None))
        if (result.outcome, result.reruns) != (outcome, reruns):
            yield f"{key[0]} is {outcome} by its runs, and the results say otherwise"
        elif result.outcome.is_flaky and reruns is None:
            yield f"{key[0]} is flaky in the results, and was not run again"
    for nodeid, _ in expected:
        yield f"{nodeid} has no result"

"""What one run gave, as probes see it: from the result of a selection and what instruments wrote."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from triage.lab.parallel_tests import ParallelTests, parallel_tests
from triage.lab.protocol import Observation
from triage.model.failure import Failure
from triage.model.outcome import Outcome
from triage.model.run import SelectionResult, TestResult

Lines = tuple[dict[str, Any], ...]
"""What one instrument wrote, a JSON object a line."""


def observation_of(
    result: SelectionResult, measured: Mapping[str, tuple[dict[str, Any], ...]]
) -> Observation:
    """One run as probes see it; a file that does not collect is an error of each of its tests."""
    outcomes, failures = _of_tests(result.results)
    _spread_collect_errors(result, outcomes, failures)
    for selector in result.selection.nodeids:
        is_file = "::" not in selector
        if is_file and selector not in outcomes and any(nodeid.startswith(selector) for nodeid in outcomes):
            outcomes[selector] = Outcome.PASSED  # a file was the subject, and it collects
    parallel = parallel_tests(Path(result.folder)) if result.selection.workers else ParallelTests()
    return Observation(
        outcomes=outcomes,
        failures=failures,
        order=tuple(each.nodeid for each in result.results if each.outcome is not Outcome.NOT_RUN),
        worker_of=parallel.worker_of,
        at_once=parallel.at_once,
        measured=dict(measured),
        durations={each.nodeid: each.duration for each in result.results if each.duration is not None},
        seconds=result.seconds,
        command=result.command,
        evidence=result.folder,
        notes=tuple(attempt.note for attempt in result.attempts if attempt.note),
    )


def _of_tests(results: Sequence[TestResult]) -> tuple[dict[str, Outcome], dict[str, Failure]]:
    """Outcome and first failure of each id; of tests with one id, or of one that ran twice, the red one's."""
    outcomes: dict[str, Outcome] = {}
    failures: dict[str, Failure] = {}
    for each in results:
        known = outcomes.get(each.nodeid)
        if known is None or not known.is_red:
            outcomes[each.nodeid] = each.outcome
        if each.failures:
            failures.setdefault(each.nodeid, each.failures[0])
    return outcomes, failures


def _spread_collect_errors(
    result: SelectionResult, outcomes: dict[str, Outcome], failures: dict[str, Failure]
) -> None:
    """Give the selected tests of a file or folder that does not collect its error, unless they ran."""
    for broken in result.collect_errors:
        for nodeid in result.selection.nodeids:
            inside = nodeid.startswith(broken.nodeid.rstrip("/")) or not broken.nodeid
            ran = outcomes.get(nodeid, Outcome.NOT_RUN) is not Outcome.NOT_RUN
            if not inside or ran:
                continue
            outcomes[nodeid] = Outcome.ERROR
            if broken.failures:
                failures[nodeid] = broken.failures[0]


def read_instruments(folder: Path, redact: Callable[[str], str]) -> dict[str, Lines]:
    """Read what each instrument wrote, redacting its file in place: it sees more than a log does."""
    measured: dict[str, Lines] = {}
    for path in sorted(folder.glob("*.jsonl")) if folder.is_dir() else []:
        text = redact(path.read_text(encoding="utf-8", errors="replace"))
        path.write_text(text, encoding="utf-8")
        lines = (_parsed(line) for line in text.splitlines())
        measured[path.stem] = tuple(line for line in lines if line)
    return measured


def relative_evidence(root: Path, path: str) -> str:
    """Name an artifact as documents do: relative to the project."""
    if not os.path.isabs(path):
        return path
    return Path(os.path.relpath(path, root)).as_posix()


def _parsed(text: str) -> dict[str, Any] | None:
    """A line, or None where the process died in the middle of it."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None

"""What a report format renders: one recorded run with its summary."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from triage.model.base import STAMP_FORMAT
from triage.model.outcome import Outcome
from triage.model.run import RunRecord, TestResult

VOID_NAME = "triage run"
"""Stands where a report names a test, for the run itself."""


@dataclass(frozen=True)
class ReportedRun:
    """A run, ready for every format."""

    record: RunRecord
    summary: Mapping[str, Any]
    """The document `summary.json`: verdict, counts, clusters, red tests."""
    prefix: str
    """From the top of the repository to the suite's root, where CI systems count paths from the top."""
    version: str
    """Of triage."""

    @property
    def results(self) -> tuple[TestResult, ...]:
        """What `reported_results` has of the run."""
        return reported_results(self.record)

    @property
    def clusters_of(self) -> dict[str, Sequence[str]]:
        """Node ids of red tests with their clusters."""
        return {row["nodeid"]: row["clusters"] for row in self.summary["red"]}

    @property
    def quarantines(self) -> dict[str, Mapping[str, Any]]:
        """Node ids of red tests with their quarantines, as the summary shows them; ended ones too."""
        found = {row["nodeid"]: row.get("quarantine") for row in self.summary["red"]}
        return {nodeid: shown for nodeid, shown in found.items() if shown and "expired" in shown}


def reported_results(record: RunRecord) -> tuple[TestResult, ...]:
    """Collection errors, then tests; before them, an error that says so where the run can answer nothing.

    Whoever reads a report of tests alone would otherwise take an empty or a half one for green.
    """
    found = (*record.collect_errors, *record.results)
    if record.void is None and record.complete:
        return found
    reason = record.void or f"{record.counts.not_run} planned tests have not run"
    return (TestResult(nodeid=VOID_NAME, outcome=Outcome.ERROR, note=f"void: {reason}"), *found)


def started(record: RunRecord) -> datetime:
    """When a run began, as its STAMP says."""
    return datetime.strptime(record.stamp, STAMP_FORMAT).replace(tzinfo=UTC)


def json_text(document: Any) -> str:
    """A JSON document as it is written into a file: ASCII, so that no encoding can spoil it."""
    return json.dumps(document, ensure_ascii=True, indent=1) + "\n"

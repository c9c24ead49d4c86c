"""Tell in which order the tests of a process ran on record: an order in which a test was red is evidence."""

from __future__ import annotations

from pathlib import Path

from triage.campaign.recorded import read_record
from triage.errors import VoidError
from triage.evidence.folder import EvidenceFolder
from triage.model.run import RerunHint, RunRecord

_MOST_RUNS = 20
"""Runs in which an order is searched, newest first: of older ones the suite has changed too much."""


def order_of(record: RunRecord | None, nodeid: str) -> tuple[str, ...]:
    """The tests that shared the process of a test, in the order in which they ran; empty where unknown."""
    chunks = record.plan.chunks if record is not None and record.plan is not None else ()
    return next((chunk.nodeids for chunk in chunks if nodeid in chunk.nodeids), ())


def run_when_red(output: Path, record: RunRecord | None, nodeid: str) -> RunRecord | None:
    """The run that shows the test red last; `record` where none does.

    `record` is the run that the caller works on, which is looked at first.
    """
    if record is not None and _is_red(record, nodeid):
        return record
    for folder in reversed(EvidenceFolder.all(output, phase="a")[-_MOST_RUNS:]):
        if not folder.sealed:
            continue
        try:
            earlier = read_record(folder.path)
        except VoidError:
            continue
        if _is_red(earlier, nodeid):
            return earlier
    return record


def needs_others(record: RunRecord | None, nodeid: str) -> bool:
    """Whether the run's own reruns found the test green alone, and red behind what ran before it."""
    results = record.results if record is not None else ()
    for result in results:
        if result.nodeid == nodeid and result.reruns is not None:
            return result.reruns.hint is RerunHint.NEEDS_OTHERS
    return False


def _is_red(record: RunRecord, nodeid: str) -> bool:
    return any(result.nodeid == nodeid and result.outcome.has_failures for result in record.results)

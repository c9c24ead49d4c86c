"""What a report format renders: one recorded run with its summary."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from triage.model.base import STAMP_FORMAT, Value
from triage.model.outcome import Outcome
from triage.model.run import RunRecord, TestResult
from triage.text.pattern import pattern
from triage.text.plural import counted_noun

VOID_NAME = "triage run"
"""Stands where a report names a test, for the run itself."""
_LINES = pattern(
    r"(?P<path> [^:]+ ) : (?P<first> \d+ ) (?: - (?P<last> \d+ ) )?",
    how="fullmatch",
    matches=["parcel/rates.py:19-21", "a.py:3"],
    rejects=["tests/a.py::test_it", "0123abc", "a.py"],
)
_COMMIT = pattern(r"[0-9a-f]{40,64}", how="fullmatch", matches=["a" * 40], rejects=["a" * 12, "a.py:1-2"])


class ReportedCause(Value):
    """What experiments found for a cluster."""

    verdict: str
    """`proven cause`, `proven condition`, `likely`."""
    kind: str
    summary: str
    culprits: tuple[str, ...] = ()
    """Tests, commits, lines."""

    @property
    def lines(self) -> tuple[str, int, int] | None:
        """File, first and last line of the code that was shown to be the cause; None where it is no code."""
        if self.verdict != "proven cause":
            return None
        found = next((found for text in self.culprits if (found := _LINES.fullmatch(text))), None)
        if found is None:
            return None
        first = int(found["first"])
        return found["path"], max(1, first), max(1, int(found["last"] or first))

    @property
    def commit(self) -> str | None:
        """The commit among the culprits."""
        return next((text for text in self.culprits if _COMMIT.fullmatch(text)), None)


class RunSource(Value):
    """Where the code of a run can be seen, as far as the machine that reports knows."""

    repository: str | None = None
    """Address of the repository on the web, without whoever asked for it."""
    line_url: str | None = None
    """Address of a line of source at the commit, with `{path}` and `{line}`."""
    branch: str | None = None
    build: str | None = None
    """Address of the CI job."""
    system: str | None = None
    """The operating system of the run."""


UNKNOWN_SOURCE = RunSource()


class RetriedAttempt(Value):
    """One execution of a test that was run again."""

    outcome: Outcome
    seconds: float


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
    causes: Mapping[str, ReportedCause] = field(default_factory=dict)
    """Cluster id to its cause, where experiments found one."""
    source: RunSource = UNKNOWN_SOURCE
    attempts: Mapping[str, Sequence[RetriedAttempt]] = field(default_factory=dict)
    """Node ids of tests that were run again to these runs, in order."""

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
    reason = record.void or f"{counted_noun(record.counts.not_run, 'planned test')} not run"
    return (TestResult(nodeid=VOID_NAME, outcome=Outcome.ERROR, note=f"void: {reason}"), *found)


def started(record: RunRecord) -> datetime:
    """When a run began, as its STAMP says."""
    return datetime.strptime(record.stamp, STAMP_FORMAT).replace(tzinfo=UTC)


def json_text(document: Any) -> str:
    """A JSON document as it is written into a file: ASCII, so that no encoding can spoil it."""
    return json.dumps(document, ensure_ascii=True, indent=1) + "\n"

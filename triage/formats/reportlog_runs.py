"""Sort the lines that a report log has of one test into its runs and their attempts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

_Report = dict[str, Any]


@dataclass
class ReportedTest:
    """One run of a test: the reports of its last attempt, and the attempts that failed before."""

    reports: list[_Report] = field(default_factory=list)
    """Of its phases and its subtests, in order."""
    failed_attempts: list[list[_Report]] = field(default_factory=list)
    worker: str = ""
    """Of pytest-xdist, where several workers ran the test."""

    @property
    def failed(self) -> list[_Report]:
        """The reports of what failed; where a rerun never came, the last attempt has its mark."""
        return [report for report in self.reports if report.get("outcome") in ("failed", "rerun")]

    @property
    def is_open(self) -> bool:
        """Whether a phase that must follow was not reported; a worker that died reports none."""
        phases = {report.get("when"): report for report in self.reports if not is_subtest(report)}
        if "setup" not in phases or None in phases or "???" in phases:
            return False
        misses_call = phases["setup"].get("outcome") == "passed" and "call" not in phases
        return misses_call or "teardown" not in phases


def is_subtest(report: _Report) -> bool:
    """Whether a report is of a subtest and not of the test itself."""
    return "context" in report or "_subtest.context" in report


def runs_of(reports: Sequence[_Report]) -> Iterator[ReportedTest]:
    """Give one run for each worker that ran the test and each time that it ran without being a rerun.

    A rerun is what follows an attempt that pytest-rerunfailures has marked.
    """
    workers = {_worker(report) for report in reports if report.get("when") == "setup"}
    if len(workers) < 2:
        yield from _runs_in_order(reports, "")
        return
    for worker in sorted(workers):
        own = [report for report in reports if _worker(report) == worker]
        yield from _runs_in_order(own, worker)


def _runs_in_order(reports: Sequence[_Report], worker: str) -> Iterator[ReportedTest]:
    run = ReportedTest(worker=worker)
    for attempt in _attempts(reports):
        run.reports = attempt
        if any(report.get("outcome") == "rerun" for report in attempt):
            run.failed_attempts.append(attempt)
        else:
            yield run
            run = ReportedTest(worker=worker)
    if run.failed_attempts:
        run.failed_attempts.pop()  # the last one was to be run again, and the log ends
        yield run


def _attempts(reports: Sequence[_Report]) -> Iterator[list[_Report]]:
    """Cut before each set-up but the first."""
    attempt: list[_Report] = []
    for report in reports:
        if report.get("when") == "setup" and attempt:
            yield attempt
            attempt = []
        attempt.append(report)
    if attempt:
        yield attempt


def _worker(report: _Report) -> str:
    worker = report.get("worker_id")
    return worker if isinstance(worker, str) else ""

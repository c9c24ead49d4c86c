"""CTRF: every test with its one outcome; what the format has no field for stands in `extra`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from triage.model.escape import visible
from triage.model.outcome import Outcome
from triage.model.run import RunRecord, TestResult
from triage.model.world import STAMP_FORMAT

SPEC = "0.0.0"
_STATUS = {
    Outcome.PASSED: "passed", Outcome.XPASSED: "passed", Outcome.FAILED: "failed", Outcome.ERROR: "failed",
    Outcome.CRASHED: "failed", Outcome.TIMEOUT: "failed", Outcome.SKIPPED: "skipped",
    Outcome.XFAILED: "skipped", Outcome.NOT_RUN: "pending",
}  # fmt: skip
_STATUSES = ("passed", "failed", "pending", "skipped", "other")


def ctrf(record: RunRecord, clusters_of: Mapping[str, Sequence[str]], version: str) -> dict[str, Any]:
    """The report of one run; collection errors are tests that failed."""
    tests = [_test(result, clusters_of) for result in (*record.collect_errors, *record.results)]
    tally = Counter(test["status"] for test in tests)
    started = datetime.strptime(record.stamp, STAMP_FORMAT).replace(tzinfo=UTC)
    start = int(started.timestamp() * 1000)
    summary: dict[str, Any] = {"tests": len(tests)}
    summary |= {status: tally[status] for status in _STATUSES}
    summary |= {"start": start, "stop": start + round(record.seconds * 1000)}
    summary["extra"] = {
        "stamp": record.stamp,
        "campaign": record.campaign,
        "complete": record.complete,
        "void": record.void,
    }
    return {
        "reportFormat": "CTRF",
        "specVersion": SPEC,
        "results": {"tool": {"name": "triage", "version": version}, "summary": summary, "tests": tests},
    }


def _test(result: TestResult, clusters_of: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    test: dict[str, Any] = {
        "name": visible(result.nodeid),
        "status": _STATUS[result.outcome],
        "duration": round((result.duration or 0.0) * 1000),
        "rawStatus": result.outcome.value,
        "filePath": visible(result.nodeid.partition("::")[0]),
    }
    if result.failures:
        first = result.failures[0]
        test["message"] = visible(
            f"{first.exception}: {first.message}" if first.exception else first.message, keep="\n"
        )
        test["trace"] = visible("\n\n".join(failure.longrepr for failure in result.failures), keep="\n\t")
    elif result.note or result.signal:
        test["message"] = visible(result.note or str(result.signal), keep="\n")
    clusters = list(clusters_of.get(result.nodeid, ()))
    extra = {"clusters": clusters, "chunk": result.chunk, "attempt": result.attempt, "signal": result.signal}
    kept = {name: value for name, value in extra.items() if value not in (None, [])}
    return {**test, "extra": kept} if kept else test

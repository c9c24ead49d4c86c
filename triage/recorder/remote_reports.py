"""Record the tests of a session whose tests run in workers of pytest-xdist.

The session's own process gets their reports alone: which test a worker has begun, and each stage of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from triage.recorder import events
from triage.recorder.record_file import Writer
from triage.recorder.reports import ReportSerializer, last_attempt, outcome_of
from triage.recorder.select import numbered, public_id
from triage.text.redact import Redactor

CHAIN = "triage_chain"
"""An attribute of a report: the exceptions as the worker took them apart, where triage told it to."""
_WORKER_DIED = "???"
"""The stage that pytest-xdist gives to its report on a test whose worker died."""
_CRASHED = "Crashed"
"""What the death of a test's process is called in place of an exception."""


class RemoteReports:
    """Writes the events of tests that workers run, as if this process had run them."""

    def __init__(self, writer: Writer, serializer: ReportSerializer, redact: Redactor) -> None:
        """Nothing is written before the tests are announced."""
        self._writer = writer
        self._serializer = serializer
        self._redact = redact
        self._numbers: dict[str, list[int]] = {}
        """The numbers of each public id in the record: several where each worker runs every test."""
        self._number_of_copy: dict[tuple[str, str], int] = {}
        """Of a test and the worker that runs it."""
        self._reports: dict[tuple[str, str], list[Any]] = defaultdict(list)
        """Of each test and worker, until the test is over there."""

    @property
    def announced(self) -> bool:
        """Whether the list of tests is on record."""
        return bool(self._numbers)

    def announce(self, nodeids: list[str], copies: int = 1) -> None:
        """Record the tests that a worker has collected; `copies` workers run each of them."""
        own = [public_id(nodeid, self._redact) for nodeid in nodeids]
        ids = [name for name in own for _ in range(copies)]
        for number, name in enumerate(ids):
            self._numbers.setdefault(name, []).append(number)
        nth = numbered(ids) if copies > 1 else None
        self._writer.write({"e": "collected", "ids": ids, "nth": nth})

    def begun(self, nodeid: str) -> None:
        """Record that a worker has begun a test."""
        numbers = self._numbers.get(public_id(nodeid, self._redact))
        if numbers:
            self._writer.write({"e": "start", "i": numbers[0]})

    def take(self, report: Any) -> None:
        """Keep a report until the test is over; with its worker the test is over, too."""
        worker = _worker_of(report)
        self._reports[report.nodeid, worker].append(report)
        if report.when == _WORKER_DIED:
            self._finish(report.nodeid, worker)

    def over(self, nodeid: str) -> None:
        """Record the outcome of a test that a worker has finished."""
        for name, worker in list(self._reports):
            if name == nodeid and any(r.when == "teardown" for r in self._reports[name, worker]):
                self._finish(nodeid, worker)

    def _finish(self, nodeid: str, worker: str) -> None:
        reports, _ = last_attempt(self._reports.pop((nodeid, worker), []))
        number = self._number(nodeid, worker)
        if number is None or not reports:
            return
        died = any(report.when == _WORKER_DIED for report in reports)
        event: Mapping[str, Any] = {
            "e": "finish",
            "i": number,
            "outcome": "crashed" if died else outcome_of(reports),
            "worker": worker,
            "stages": self._serializer.stages([r for r in reports if r.when != _WORKER_DIED]),
            "failures": [self._failure(report) for report in reports if report.failed],
        }
        self._writer.write_payload(events.encode(event))

    def _failure(self, report: Any) -> dict[str, Any]:
        if report.when != _WORKER_DIED:
            return self._serializer.failure(report, getattr(report, CHAIN, None))
        chain = [{"type": _CRASHED, "message": str(report.longrepr), "relation": "raised", "frames": []}]
        # which stage it died in is not known; the call is by far the longest
        return {**self._serializer.failure(report, chain), "phase": "call"}

    def _number(self, nodeid: str, worker: str) -> int | None:
        """The number of a test in the record: its own for each worker where several run it."""
        numbers = self._numbers.get(public_id(nodeid, self._redact), [])
        if (nodeid, worker) not in self._number_of_copy:
            taken = sum(name == nodeid for name, _ in self._number_of_copy)
            if not numbers:
                return None
            self._number_of_copy[nodeid, worker] = numbers[min(taken, len(numbers) - 1)]
        return self._number_of_copy[nodeid, worker]


def _worker_of(report: Any) -> str:
    gateway = getattr(getattr(report, "node", None), "gateway", None)
    return str(getattr(gateway, "id", ""))

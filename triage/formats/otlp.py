"""Write a run as spans of OpenTelemetry: OTLP in its JSON form, as collectors take it over HTTP.

A span for the run, below it one for each process, below that one for each test. The record says when a
process began and how long each test took: tests stand one behind the other, the last at the process's end.
Ids follow from the run, so that a run that is sent twice is one trace.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from triage.formats.reported_run import ReportedRun, started
from triage.model.failure import Failure
from triage.model.nodeid import file_of
from triage.model.outcome import Outcome
from triage.model.run import Attempt, TestResult
from triage.text.markup import visible

_INTERNAL = 1
"""SPAN_KIND_INTERNAL."""
_STATUS_ERROR = {"code": 2}
_TRACE_DIGITS, _SPAN_DIGITS = 32, 16
"""16 and 8 bytes in hexadecimal."""
_MESSAGE_CHARS = 1000
_STACK_CHARS = 4000
"""A collector refuses what is too long as a whole; the report has the rest."""
_NANOSECONDS = 1_000_000_000
_Attributes = Mapping[str, str | int | None]


def render_otlp(run: ReportedRun) -> str:
    """The document as text, in one line: so its readers separate documents."""
    return json.dumps(otlp(run), ensure_ascii=True, separators=(",", ":")) + "\n"


def otlp(run: ReportedRun) -> dict[str, Any]:
    """Make an `ExportTraceServiceRequest`."""
    resource: _Attributes = {
        "service.name": run.record.campaign,
        "vcs.ref.head.revision": run.record.commit,
        "vcs.ref.head.name": run.source.branch,
        "vcs.repository.url.full": run.source.repository,
        "cicd.pipeline.run.url.full": run.source.build,
        "os.type": run.source.system.lower() if run.source.system else None,
    }
    scope = {"name": "triage", "version": run.version}
    spans = list(_Spans(run).all())
    scoped = [{"scope": scope, "spans": spans}]
    return {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": scoped}]}


class _Interval(NamedTuple):
    """Seconds since the run began, and for how long."""

    offset: float
    seconds: float


class _Spans:
    """The spans of one run."""

    def __init__(self, run: ReportedRun) -> None:
        self._run = run
        self._began = int(started(run.record).timestamp()) * _NANOSECONDS
        self._trace = _digits(_TRACE_DIGITS, run.record.campaign, run.record.stamp)
        self._root = _digits(_SPAN_DIGITS, self._trace, "run")
        self._clusters = run.clusters_of

    def all(self) -> Iterator[dict[str, Any]]:
        """The run first, then each process with its tests, then tests that no process ran."""
        record = self._run.record
        yield self._of_run()
        of_process: dict[tuple[str | None, int | None], list[TestResult]] = {}
        for result in record.results:
            of_process.setdefault((result.chunk, result.attempt), []).append(result)
        for attempt in record.attempts:
            span = self._of_process(attempt)
            yield span
            tests = of_process.pop((attempt.chunk, attempt.number), [])
            taken = sum(test.duration or 0.0 for test in tests)
            first = (attempt.began or 0.0) + max(0.0, attempt.seconds - taken)
            yield from self._of_tests(tests, span["spanId"], first)
        others = [test for tests in of_process.values() for test in tests]
        yield from self._of_tests([*record.collect_errors, *others], self._root, 0.0)

    def _of_run(self) -> dict[str, Any]:
        record, summary = self._run.record, self._run.summary
        counts = {f"triage.tests.{name}": number for name, number in summary["counts"].items() if number}
        attributes: _Attributes = {
            "test.suite.name": record.campaign,
            "test.suite.run.status": "success"
            if summary["verdict"] in ("green", "known", "flaky")
            else "failure",
            "triage.stamp": record.stamp,
            "triage.verdict": summary["verdict"],
            **counts,
        }
        span = self._span(
            f"triage run {record.campaign}", self._root, None, _Interval(0.0, record.seconds), attributes
        )
        return span | _status(summary["verdict"] in ("red", "void"), summary["void"])

    def _of_process(self, attempt: Attempt) -> dict[str, Any]:
        name = attempt.chunk if attempt.number == 1 else f"{attempt.chunk}, process {attempt.number}"
        attributes: _Attributes = {
            "triage.chunk": attempt.chunk,
            "triage.attempt": attempt.number,
            "triage.ended": attempt.ended,
            "process.exit.code": attempt.exit_code,
            "triage.signal": attempt.signal,
            "triage.culprit": attempt.culprit,
        }
        identity = _digits(_SPAN_DIGITS, self._trace, attempt.chunk, str(attempt.number))
        interval = _Interval(attempt.began or 0.0, attempt.seconds)
        span = self._span(name, identity, self._root, interval, attributes)
        return span | _status(attempt.ended != "finished", attempt.note)

    def _of_tests(self, tests: Iterable[TestResult], parent: str, first: float) -> Iterator[dict[str, Any]]:
        offset = first
        for number, test in enumerate(tests):
            # two items may have one id
            identity = _digits(_SPAN_DIGITS, parent, str(number), test.nodeid)
            seconds = test.duration or 0.0
            yield self._of_test(test, identity, parent, _Interval(offset, seconds))
            offset += seconds

    def _of_test(self, test: TestResult, identity: str, parent: str, interval: _Interval) -> dict[str, Any]:
        attributes: _Attributes = {
            "test.case.name": test.nodeid,
            "test.case.result.status": _result_status(test.outcome),
            "code.file.path": file_of(test.nodeid),
            "triage.outcome": test.outcome.value,
            "triage.clusters": ", ".join(self._clusters.get(test.nodeid, ())) or None,
            "triage.base": test.base.verdict.value if test.base else None,
            "triage.note": test.note,
        }
        span = self._span(test.nodeid, identity, parent, interval, attributes)
        end = span["endTimeUnixNano"]
        span["events"] = [_exception(failure, end) for failure in test.failures]
        is_error = test.outcome.has_failures and not test.outcome.is_flaky
        message = test.failures[0].message if test.failures else test.note
        return span | _status(is_error, message)

    def _span(
        self, name: str, identity: str, parent: str | None, interval: _Interval, attributes: _Attributes
    ) -> dict[str, Any]:
        begin = self._began + round(max(0.0, interval.offset) * _NANOSECONDS)
        return {
            "traceId": self._trace,
            "spanId": identity,
            **({"parentSpanId": parent} if parent is not None else {}),
            "name": visible(name)[:_MESSAGE_CHARS],
            "kind": _INTERNAL,
            "startTimeUnixNano": str(begin),
            "endTimeUnixNano": str(begin + round(max(0.0, interval.seconds) * _NANOSECONDS)),
            "attributes": _attributes(attributes),
        }


def _result_status(outcome: Outcome) -> str | None:
    """`pass` or `fail`, which are all words that the conventions have; None for what is neither."""
    if outcome.is_green:
        return "pass"
    return "fail" if outcome.has_failures else None


def _status(is_error: bool, message: str | None) -> dict[str, Any]:
    if not is_error:
        return {}
    said = {"message": visible(message)[:_MESSAGE_CHARS]} if message else {}
    return {"status": {**_STATUS_ERROR, **said}}


def _exception(failure: Failure, moment: str) -> dict[str, Any]:
    attributes: _Attributes = {
        "exception.type": failure.exception,
        "exception.message": failure.message[:_MESSAGE_CHARS],
        "exception.stacktrace": failure.longrepr[-_STACK_CHARS:],
        "triage.phase": failure.phase.value,
    }
    return {"name": "exception", "timeUnixNano": moment, "attributes": _attributes(attributes)}


def _attributes(values: _Attributes) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items() if value is not None]


def _value(value: str | int) -> dict[str, Any]:
    if isinstance(value, str):
        return {"stringValue": visible(value, keep="\n\t")}
    return {"intValue": str(value)}  # 64 bits, which JSON's numbers do not hold


def _digits(number: int, *parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:number]

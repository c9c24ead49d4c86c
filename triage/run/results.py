"""Make results of tests out of recorded events and of how processes ended."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from triage.model.failure import CRASHED, TIMED_OUT
from triage.model.outcome import Outcome, Phase
from triage.model.run import Attachment, Key, TestResult
from triage.process.api import ProcessOutcome
from triage.run.attempt import AttemptEnd
from triage.run.origins import Origins
from triage.run.record_reader import RecordReader
from triage.run.recorded_failures import (
    Traces,
    failure_of_cut,
    failure_of_death,
    failures_before_teardown,
    failures_of,
)

_STAGES = ("setup", "call", "teardown")
_MOST_PROPERTIES = 50
"""Of one test: a loop that records a property a step would fill the results."""
_PROPERTY_CHARS = 2000
"""Of a name or a value: as long as an address may be."""
_SECONDS_DIGITS = 6
"""Microseconds: finer differences are the machine's, not the test's."""


def result_of_event(
    key: Key, event: Mapping[str, Any], chunk: str | None, attempt: int, origins: Origins
) -> TestResult:
    """The result of a test that came to its end, from its `ran` or `finish` event."""
    durations = event.get("d")
    if durations is not None:  # the short form: everything passed
        return TestResult(
            nodeid=key[0],
            outcome=Outcome.PASSED,
            chunk=chunk,
            attempt=attempt,
            duration=_total(durations),
        )
    stages = event.get("stages", {})
    notes = [event[name] for name in ("note", "reason") if event.get(name)]
    if event.get("reruns"):
        notes.append(f"run {event['reruns'] + 1} times by pytest-rerunfailures")
    return TestResult(
        nodeid=key[0],
        outcome=Outcome(event["outcome"]),
        chunk=chunk,
        attempt=attempt,
        duration=_total(stages[stage]["duration"] for stage in _STAGES if stage in stages),
        failures=failures_of(key[0], event.get("failures", ()), origins),
        note="; ".join(notes) or None,
        properties=_properties(event.get("properties", ())),
        attachments=tuple(map(Attachment.model_validate, event.get("attachments", ()))) or None,
    )


def _properties(recorded: Sequence[Sequence[Any]]) -> tuple[tuple[str, str], ...] | None:
    """Names and values as texts: pytest lets a test record any value under any name."""
    found = tuple(
        (_as_text(name)[:_PROPERTY_CHARS], _as_text(value)[:_PROPERTY_CHARS])
        for name, value in recorded[:_MOST_PROPERTIES]
    )
    return found or None


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _total(durations: Iterable[float]) -> float:
    """Seconds in all; where a test sets the clock back a stage seems to have taken less than none."""
    return round(max(0.0, sum(durations)), _SECONDS_DIGITS)


def result_of_culprit(
    end: AttemptEnd,
    reader: RecordReader,
    process: ProcessOutcome,
    *,
    chunk: str | None,
    attempt: int,
    traces: Traces,
    origins: Origins,
) -> TestResult | None:
    """The result of the test that ended its process; None where no test did."""
    if end.culprit is None or end.outcome is None:
        return None
    nodeid = end.culprit[0]
    earlier = failures_before_teardown(nodeid, reader, origins)
    if reader.cut is not None:
        failure = failure_of_cut(nodeid, reader.cut, origins)
    else:
        kind = TIMED_OUT if end.outcome is Outcome.TIMEOUT else CRASHED
        phase = Phase.TEARDOWN if earlier else None
        failure = failure_of_death(nodeid, kind, end.note or "", traces=traces, origins=origins, phase=phase)
    # a signal that the executor sent says nothing about the test
    killed = end.outcome is Outcome.TIMEOUT or process.ended != "finished"
    return TestResult(
        nodeid=nodeid,
        outcome=end.outcome,
        chunk=chunk,
        attempt=attempt,
        failures=(*earlier, failure),
        signal=None if killed else process.signal,
        exit_code=None if killed else process.exit_code,
        note=end.note,
    )


def result_not_run(key: Key, chunk: str | None, why: str) -> TestResult:
    """The result of a planned test that has no outcome."""
    return TestResult(nodeid=key[0], outcome=Outcome.NOT_RUN, chunk=chunk, note=why)


def collect_errors(reader: RecordReader, origins: Origins) -> list[TestResult]:
    """Files and folders that did not collect, as results."""
    found = []
    for event in reader.collect_errors:
        failures = failures_of(event["nodeid"], [event["failure"]], origins)
        found.append(TestResult(nodeid=event["nodeid"], outcome=Outcome.ERROR, failures=failures))
    return found


def collect_skips(reader: RecordReader) -> list[TestResult]:
    """Files and classes that were skipped as a whole, as results: pytest counts each as one skip."""
    found = []
    for event in reader.collect_skips:
        note = event["reason"] or None
        found.append(TestResult(nodeid=event["nodeid"], outcome=Outcome.SKIPPED, note=note))
    return found

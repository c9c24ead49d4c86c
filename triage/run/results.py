"""Results of tests, from finished events and from verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triage.executor.api import ProcessOutcome
from triage.model.outcome import Outcome
from triage.model.run import TestResult
from triage.run.failures import Origins, cut_failure, death, failure_of
from triage.run.seen import Key, Seen
from triage.run.stacks import Dump
from triage.run.verdict import Verdict

_PHASES = ("setup", "call", "teardown")


def finished(
    key: Key, event: Mapping[str, Any], chunk: str | None, attempt: int, origins: Origins
) -> TestResult:
    """The result of a test that came to its end."""
    times = event.get("d")
    if times is not None:
        return TestResult(
            nodeid=key[0], outcome=Outcome.PASSED, chunk=chunk, attempt=attempt, duration=round(sum(times), 6)
        )
    stages = event.get("stages", {})
    duration = sum(stages[phase]["duration"] for phase in _PHASES if phase in stages)
    notes = [event["note"]] if event.get("note") else []
    if event.get("reason"):
        notes.append(event["reason"])
    if event.get("reruns"):
        notes.append(f"run {event['reruns'] + 1} times by pytest-rerunfailures")
    return TestResult(
        nodeid=key[0],
        outcome=Outcome(event["outcome"]),
        chunk=chunk,
        attempt=attempt,
        duration=round(duration, 6),
        failures=tuple(failure_of(key[0], data, origins) for data in event.get("failures", ())),
        note="; ".join(notes) or None,
    )


def blamed(
    verdict: Verdict, seen: Seen, process: ProcessOutcome, *, chunk: str | None, attempt: int,
    dump: Dump | None, log_tail: str, origins: Origins,
) -> TestResult | None:  # fmt: skip
    """The result of the culprit, where there is one."""
    if verdict.culprit is None or verdict.outcome is None:
        return None
    nodeid = verdict.culprit[0]
    if seen.cut is not None:
        failure = cut_failure(nodeid, seen.cut, origins)
    else:
        kind = "Timeout" if verdict.outcome is Outcome.TIMEOUT else "Crashed"
        failure = death(nodeid, kind, verdict.note or "", dump=dump, log_tail=log_tail, origins=origins)
    killed = verdict.outcome is Outcome.TIMEOUT or process.ended != "finished"  # by us: no sign of the test's
    return TestResult(
        nodeid=nodeid,
        outcome=verdict.outcome,
        chunk=chunk,
        attempt=attempt,
        failures=(failure,),
        signal=None if killed else process.signal,
        exit_code=None if killed else process.exit_code,
        note=verdict.note,
    )


def never(key: Key, chunk: str | None, note: str) -> TestResult:
    """A planned test that has no outcome, and why."""
    return TestResult(nodeid=key[0], outcome=Outcome.NOT_RUN, chunk=chunk, note=note)


def collect_errors(seen: Seen, origins: Origins) -> list[TestResult]:
    """Files and folders that did not collect."""
    found = []
    for event in seen.collect_errors:
        failure = failure_of(event["nodeid"], event["failure"], origins)
        found.append(TestResult(nodeid=event["nodeid"], outcome=Outcome.ERROR, failures=(failure,)))
    return found

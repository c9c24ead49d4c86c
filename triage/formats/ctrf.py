"""Read and write CTRF, the Common Test Report Format: JSON with times in milliseconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, BinaryIO, assert_never

from triage.formats.completeness import Tally, count_of, shortfall
from triage.formats.file_head import FileHead
from triage.formats.imported_test import Facet, ImportedFailure, ImportedName, ImportedTest
from triage.formats.json_input import dict_of, list_of, read_document, seconds_of, text_of, time_of
from triage.formats.limits import Limits, Notes
from triage.formats.reported_run import (
    VOID_NAME,
    ReportedRun,
    RetriedAttempt,
    json_text,
    reported_results,
    started,
)
from triage.model.nodeid import file_of
from triage.model.outcome import Outcome
from triage.model.run import RunRecord, TestResult
from triage.text.markup import visible

_OUTCOMES_OF_STATUS = {
    "passed": Outcome.PASSED,
    "failed": Outcome.FAILED,
    "skipped": Outcome.SKIPPED,
    "pending": Outcome.NOT_RUN,
    "other": Outcome.NOT_RUN,
}
_OUTCOMES_OF_RAW_STATUS = {
    "xfailed": Outcome.XFAILED,
    "xfail": Outcome.XFAILED,
    "xpassed": Outcome.XPASSED,
    "xpass": Outcome.XPASSED,
    "error": Outcome.ERROR,
    "broken": Outcome.ERROR,
    "crashed": Outcome.CRASHED,
    "timeout": Outcome.TIMEOUT,
    "timedout": Outcome.TIMEOUT,
    "flaky": Outcome.FLAKY,
    "not_run": Outcome.NOT_RUN,
}
_RAW_STATUSES_OF_SKIPS = frozenset({"disabled", "ignored", "pending", "skipped", "todo"})
"""What other tools call a test that is left out on purpose; CTRF calls `pending` what is yet to run."""
_OWN_EXTRA = frozenset({"nodeid", "chunk", "attempt", "signal"})
"""What triage writes of a result, or what is its name, and not where it ran."""


def recognizes_ctrf(head: FileHead) -> bool:
    """Whether the text names the format, or has the three keys that every report of it must have."""
    text = head.text
    named = '"reportFormat"' in text and "CTRF" in text
    shaped = '"results"' in text and '"tool"' in text and '"tests"' in text
    return head.is_json and (named or shaped)


def read_ctrf(stream: BinaryIO, *, limits: Limits, notes: Notes) -> Iterator[ImportedTest]:
    """Read the tests in the document's order."""
    document = read_document(stream, limits=limits, notes=notes, items="tests")
    results = dict_of(document.get("results"))
    shown = Tally()
    for test in list_of(document.get("tests") or results.get("tests")):
        if isinstance(test, dict) and test.get("name") == VOID_NAME:
            notes.cut_short(text_of(test.get("message")) or "the run that it tells of was void")
        elif isinstance(test, dict) and isinstance(test.get("name"), str) and test["name"]:
            imported = _read_test(test, notes)
            shown.add(Tally(tests=1, red=int(imported.outcome.has_failures)))
            yield imported
        else:
            notes.drop("tests without a name")
            notes.cut_short("it has tests without a name")
    _compare_counts(dict_of(results.get("summary")), shown, notes)


def _compare_counts(summary: dict[str, Any], shown: Tally, notes: Notes) -> None:
    counted = Tally(tests=count_of(summary.get("tests")), red=count_of(summary.get("failed")))
    if missing := shortfall(counted, shown):
        notes.cut_short(missing)
    of_triage = dict_of(summary.get("extra"))
    if of_triage.get("void") or of_triage.get("complete") is False:
        notes.cut_short(text_of(of_triage.get("void")) or "the run that it tells of was incomplete")


def _read_test(test: dict[str, Any], notes: Notes) -> ImportedTest:
    outcome = _read_outcome(test, notes)
    failed_attempts = [attempt for attempt in _attempts(test) if _is_failed(attempt)]
    said_of = failed_attempts if outcome.is_flaky and failed_attempts else [test]
    failures = [failure for told in said_of if (failure := _failure(told)) is not None]
    retries = test.get("retries")
    return ImportedTest(
        name=_name(test),
        outcome=outcome,
        failures=tuple(failures) if outcome.has_failures else (),
        duration=seconds_of(test.get("duration"), 0.001),
        note=f"{retries} retries" if isinstance(retries, int) and retries > 0 else None,
        started=time_of(test.get("start"), 0.001),
        facets=_facets(test),
        source="ctrf",
    )


def _read_outcome(test: dict[str, Any], notes: Notes) -> Outcome:
    status = text_of(test.get("status")).lower()
    raw_status = text_of(test.get("rawStatus")).lower().replace("-", "_").replace(" ", "_")
    outcome = _OUTCOMES_OF_RAW_STATUS.get(raw_status) or _OUTCOMES_OF_STATUS.get(status)
    if status == "pending" and raw_status in _RAW_STATUSES_OF_SKIPS:
        outcome = Outcome.SKIPPED
    if outcome is None:
        notes.drop("tests with an unknown status")
        outcome = Outcome.NOT_RUN
    if status == "other" and not raw_status:
        notes.drop("tests with the status other")
    if status == "failed" and not outcome.has_failures:
        return Outcome.FAILED
    return Outcome.FLAKY if outcome is Outcome.PASSED and _failed_before(test) else outcome


def _failed_before(test: dict[str, Any]) -> bool:
    """Whether a test that passed in the end failed in an earlier attempt."""
    if any(_is_failed(attempt) for attempt in _attempts(test)) or test.get("flaky") is True:
        return True
    return test.get("flaky") is None and count_of(test.get("retries")) > 0  # nothing else is tried again


def _attempts(test: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict_of(attempt) for attempt in list_of(test.get("retryAttempts"))]


def _is_failed(attempt: dict[str, Any]) -> bool:
    return text_of(attempt.get("status")).lower() == "failed"


def _failure(told: dict[str, Any]) -> ImportedFailure | None:
    """What a test or an attempt says of its failure; None where it says nothing."""
    failure = ImportedFailure(
        message=text_of(told.get("message")),
        text=text_of(told.get("trace")),
        stdout=text_of(told.get("stdout")),
        stderr=text_of(told.get("stderr")),
    )
    return failure if failure != ImportedFailure() else None


def _facets(test: dict[str, Any]) -> tuple[Facet, ...]:
    """Where the test ran; `parameters` is an object."""
    pairs = [(key, text_of(test.get(key))) for key in ("browser", "device")]
    for holder in (dict_of(test.get("parameters")), dict_of(test.get("extra"))):
        pairs += [(key, text_of(value)) for key, value in holder.items() if not isinstance(value, list)]
    return tuple(Facet(kind, value) for kind, value in pairs if value and kind not in _OWN_EXTRA)


def _name(test: dict[str, Any]) -> ImportedName:
    name, file = test["name"], text_of(test.get("filePath"))
    extra = dict_of(test.get("extra"))
    if isinstance(extra.get("nodeid"), str):
        return ImportedName(nodeid=extra["nodeid"])
    if "::" in name.split("[")[0]:
        return ImportedName(nodeid=name)
    suite = test.get("suite")
    parts = [text_of(part) for part in suite] if isinstance(suite, list) else text_of(suite).split(" > ")
    classname = ".".join(part for part in parts if part and part != file)
    return ImportedName(classname=classname, name=name, file=file)


SPEC_VERSION = "0.0.0"
_STATUSES = ("passed", "failed", "pending", "skipped", "other")
"""What the summary must count, those that never occur here too."""


def render_ctrf(run: ReportedRun) -> str:
    """The document as text."""
    document = ctrf(run.record, run.clusters_of, run.version, run.quarantines, run.attempts)
    environment = _environment(run)
    if environment:
        document["results"]["environment"] = environment
    return json_text(document)


def _environment(run: ReportedRun) -> dict[str, Any]:
    """Which commit of which repository ran where; what nobody knows is left out."""
    source = run.source
    known = {
        "repositoryUrl": source.repository,
        "commit": run.record.commit,
        "branchName": source.branch,
        "buildUrl": source.build,
        "osPlatform": source.system,
    }
    return {name: value for name, value in known.items() if value}


def ctrf(
    record: RunRecord,
    clusters_of: Mapping[str, Sequence[str]],
    version: str,
    quarantines: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    attempts: Mapping[str, Sequence[RetriedAttempt]] = MappingProxyType({}),
) -> dict[str, Any]:
    """Make the report of one run; collection errors are tests that failed. Times are milliseconds."""
    tests = [
        _written(result, clusters_of, quarantines.get(result.nodeid), attempts.get(result.nodeid, ()))
        for result in reported_results(record)
    ]
    tally = Counter(test["status"] for test in tests)
    start = int(started(record).timestamp() * 1000)
    summary: dict[str, Any] = {"tests": len(tests)}
    for status in _STATUSES:
        summary[status] = tally[status]
    summary["start"] = start
    summary["stop"] = start + round(record.seconds * 1000)
    summary["extra"] = {
        "stamp": record.stamp,
        "campaign": record.campaign,
        "complete": record.complete,
        "void": record.void,
    }
    results = {"tool": {"name": "triage", "version": version}, "summary": summary, "tests": tests}
    return {"reportFormat": "CTRF", "specVersion": SPEC_VERSION, "results": results}


def _written(
    result: TestResult,
    clusters_of: Mapping[str, Sequence[str]],
    quarantine: Mapping[str, Any] | None,
    again: Sequence[RetriedAttempt],
) -> dict[str, Any]:
    test: dict[str, Any] = {
        "name": visible(result.nodeid),
        "status": _status(result.outcome),
        "duration": round((result.duration or 0.0) * 1000),
        "rawStatus": result.outcome.value,
        "filePath": visible(file_of(result.nodeid)),
    }
    if result.failures:
        first = result.failures[0]
        message = f"{first.exception}: {first.message}" if first.exception else first.message
        representations = "\n\n".join(failure.longrepr for failure in result.failures)
        test["message"] = visible(message, keep="\n")
        test["trace"] = visible(representations, keep="\n\t")
    elif result.note or result.signal:
        test["message"] = visible(result.note or str(result.signal), keep="\n")
    if result.outcome.is_flaky:
        test["flaky"] = True
    if result.outcome.is_flaky or result.reruns is not None:
        test["retries"] = result.reruns.runs if result.reruns else 1
    if again:
        test["retryAttempts"] = _attempts_before_last(result, again)
    extra = _extra(result, clusters_of.get(result.nodeid, ()))
    if quarantine is not None:
        test["tags"] = ["out-of-quarantine" if quarantine["expired"] else "quarantined"]
        extra["quarantine"] = {name: quarantine[name] for name in ("until", "owner", "reason", "expired")}
    if extra:
        test["extra"] = extra
    return test


def _attempts_before_last(result: TestResult, again: Sequence[RetriedAttempt]) -> list[dict[str, Any]]:
    """The executions before the final one: the red one in the suite, then those again but for the last."""
    first: dict[str, Any] = {"attempt": 1, "status": "failed"}
    if result.duration is not None:
        first["duration"] = round(result.duration * 1000)
    others = [
        {"attempt": number, "status": _status(each.outcome), "duration": round(each.seconds * 1000)}
        for number, each in enumerate(again[:-1], start=2)
    ]
    return [first, *others]


def _extra(result: TestResult, clusters: Sequence[str]) -> dict[str, Any]:
    """What the specification has no field for and forbids elsewhere."""
    extra = {
        "clusters": list(clusters),
        "chunk": result.chunk,
        "attempt": result.attempt,
        "signal": result.signal,
    }
    return {name: value for name, value in extra.items() if value not in (None, [])}


def _status(outcome: Outcome) -> str:
    word = outcome.pytest_word
    match word:
        case "passed" | "xpassed":
            return "passed"
        case "failed" | "error":
            return "failed"
        case "skipped" | "xfailed":
            return "skipped"
        case "not_run":
            return "pending"
        case _:
            assert_never(word)

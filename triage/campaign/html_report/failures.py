"""The tests and failures of a run, as the report shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from triage.campaign.html_report.document import (
    FailureEntry,
    PageEvidence,
    Place,
    TestColumns,
    TestDetail,
)
from triage.model.failure import Failure, Frame, Origin
from triage.model.run import TestResult

ATTACHED_BYTES = 1_500_000
"""Of all attachments in the page, as they stand there: they leave room for tests and tracebacks."""
MOST_FAILURES = 10_000
"""More than anybody opens; the tests themselves are all there."""


def test_columns(
    results: Sequence[TestResult], red: Sequence[Mapping[str, Any]], flaky: Sequence[Mapping[str, Any]]
) -> TestColumns:
    """Columns of all tests; `red` and `flaky` are rows of the run's summary."""
    files: dict[str, int] = {}
    chunks: dict[str, int] = {}
    file_of, names, millis, chunk_of = [], [], [], []
    for result in results:
        file, name = split_nodeid(result.nodeid)
        file_of.append(files.setdefault(file, len(files)))
        names.append(name)
        millis.append(None if result.duration is None else round(result.duration * 1000, 1))
        chunk_of.append(-1 if result.chunk is None else chunks.setdefault(result.chunk, len(chunks)))
    red_rows = {row["nodeid"]: row for row in red}
    rates = {row["nodeid"]: row for row in flaky}
    clusters: dict[int, tuple[str, ...]] = {}
    details: dict[int, TestDetail] = {}
    for index, result in enumerate(results):
        row = red_rows.get(result.nodeid)
        if row is not None and row["clusters"]:
            clusters[index] = tuple(row["clusters"])
        detail = _detail(result, row or {}, rates.get(result.nodeid))
        if detail != TestDetail():
            details[index] = detail
    return TestColumns(
        files=tuple(files),
        file_of=tuple(file_of),
        names=tuple(names),
        outcomes="".join(result.outcome.letter for result in results),
        millis=tuple(millis),
        chunks=tuple(chunks),
        chunk_of=tuple(chunk_of),
        clusters=clusters,
        details=_with_fitting_attachments(details),
    )


def split_nodeid(nodeid: str) -> tuple[str, str]:
    """File and the rest of a node id; both together are the id."""
    file, separator, rest = nodeid.partition("::")
    return file, separator + rest


def _detail(result: TestResult, red: Mapping[str, Any], rate: Mapping[str, Any] | None) -> TestDetail:
    quarantine = red.get("quarantine") or {}
    return TestDetail(
        note=result.note,
        signal=result.signal,
        attempt=result.attempt if (result.attempt or 1) > 1 else None,
        reruns=result.reruns.model_dump(mode="json", exclude_none=True) if result.reruns else None,
        base=result.base.model_dump(mode="json", exclude_none=True) if result.base else None,
        quarantine=quarantine.get("said"),
        flaky=_rate_in_words(rate) if rate else None,
        properties=result.properties,
        attachments=result.attachments,
    )


def _with_fitting_attachments(details: dict[int, TestDetail]) -> dict[int, TestDetail]:
    """The same with those attachments that find room in the page; the others say where they are."""
    left = ATTACHED_BYTES
    found = {}
    for index, detail in details.items():
        attachments = []
        for attachment in detail.attachments or ():
            if len(attachment.data) <= left:
                left -= len(attachment.data)
                attachments.append(attachment)
            else:
                note = "it has no room in this page: results.json of the run has it"
                attachments.append(attachment.model_copy(update={"data": "", "media": None, "note": note}))
        found[index] = detail.model_copy(update={"attachments": tuple(attachments) or None})
    return found


def _rate_in_words(rate: Mapping[str, Any]) -> str:
    """The failure rate of a test with its interval, as `triage flaky` has it."""
    share = f"failed in {rate['failed']} of {rate['runs']} executions ({rate['rate']:.0%}"
    return f"{share}, 95 % interval {rate['low']:.0%} to {rate['high']:.0%})"


def failure_entries(
    results: Sequence[TestResult], clusters_of_failures: Mapping[str, Sequence[str | None]]
) -> tuple[FailureEntry, ...]:
    """Every failure, cluster by cluster: texts that are alike shrink when they lie side by side."""
    entries = []
    for index, result in enumerate(results):
        homes = clusters_of_failures.get(result.nodeid, ())
        for position, failure in enumerate(result.failures):
            cluster = homes[position] if position < len(homes) else None
            entries.append(_entry(index, failure, cluster))
    entries.sort(key=lambda entry: (entry.cluster or "~", entry.test))
    return tuple(entries[:MOST_FAILURES])


def _entry(index: int, failure: Failure, cluster: str | None) -> FailureEntry:
    frames = failure.chain[0].frames if failure.chain else ()
    return FailureEntry(
        test=index,
        cluster=cluster,
        phase=failure.phase.value,
        exception=failure.exception,
        message=failure.message,
        text=failure.longrepr,
        stdout=failure.captured.stdout,
        stderr=failure.captured.stderr,
        log=failure.captured.log,
        subtest=failure.subtest,
        product=_last_place(frames, "product"),
        own=_last_place(frames, "test"),
    )


def _last_place(frames: Iterable[Frame], origin: Origin) -> Place | None:
    """The innermost line that is in code of this origin."""
    for frame in reversed(tuple(frames)):
        outside = frame.path.startswith(("/", ".."))
        if frame.origin == origin and frame.lineno and not outside:
            return Place(
                path=frame.path, line=frame.lineno, function=frame.function or "", code=frame.code or ""
            )
    return None


def shortened(evidence: PageEvidence, characters: int) -> PageEvidence:
    """The same with long texts of failures cut in their middle, and long messages at their end."""
    failures = []
    for failure in evidence.failures:
        changes = {
            name: _without_middle(getattr(failure, name), characters)
            for name in ("message", "text", "stdout", "stderr", "log")
            if len(getattr(failure, name)) > characters
        }
        failures.append(failure.model_copy(update=changes) if changes else failure)
    return evidence.model_copy(update={"failures": tuple(failures)})


def _without_middle(text: str, characters: int) -> str:
    """A quarter of what is kept comes from the start: the end of a traceback or of an output tells more."""
    head = characters // 4
    tail = characters - head
    left_out = len(text) - characters
    return f"{text[:head]}\n[... {left_out} characters are left out here ...]\n{text[-tail:]}"

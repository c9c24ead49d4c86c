"""Read pytest-reportlog: a JSON line for each phase of each test, readable after a crash too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from triage.formats.collection_skips import skipped_as_a_whole
from triage.formats.file_head import FileHead
from triage.formats.imported_test import Facet, ImportedFailure, ImportedName, ImportedTest
from triage.formats.json_input import dict_of, list_of, read_lines, seconds_of, text_of
from triage.formats.limits import Limits, Notes
from triage.formats.reportlog_runs import ReportedTest, is_subtest, runs_of
from triage.model.outcome import Outcome, Phase
from triage.model.traceback import CAUSE, CONTEXT
from triage.text.pattern import pattern
from triage.text.plural import counted_noun

_EXIT_CODES_OF_A_WHOLE_RUN = (0, 1, None)
"""All passed, some failed, not told; the others of pytest mean that it did not come to its end."""
_PHASES = {phase.value: phase for phase in Phase}
_REPORTS_OF_TESTS = ("TestReport", "SubTestReport", "SubtestReport")


_FIRST_LINE = pattern(
    r"""
    ^ \{ " (?: pytest_version | nodeid ) "     # as the plugin writes its keys
    | "\$?_?report_type" : \s* "[A-Z]          # in whatever order they come
    """,
    matches=[
        '{"pytest_version": "9.0"',
        '{"nodeid": "a"',
        '{"when": "call", "_report_type": "SubTest"}',
    ],
    rejects=['{"tests": []}', '{"report_type": 1}'],
)
_FIRST_LINE_CHARS = 4096
"""The key that tells the format comes early; a line may have megabytes of output."""


def recognizes_reportlog(head: FileHead) -> bool:
    """Whether the first line is one of the plugin's events."""
    first_line = head.text.partition("\n")[0][:_FIRST_LINE_CHARS]
    return head.is_json and _FIRST_LINE.search(first_line) is not None


def read_reportlog(stream: BinaryIO, *, limits: Limits, notes: Notes) -> Iterator[ImportedTest]:
    """Read collection errors, then tests; a test that was running when the log ends crashed."""
    reports_of: dict[str, list[dict[str, Any]]] = {}
    finished, exit_status = False, None
    failed = False
    for line in read_lines(stream, limits=limits, notes=notes):
        kind = line.get("$report_type") or line.get("_report_type")  # the latter: subtests before 1.0
        if kind == "SessionFinish":
            finished, exit_status = True, line.get("exitstatus")
        elif kind == "CollectReport" and line.get("outcome") == "failed":
            failed = True
            yield _collection_error(line)
        elif kind == "CollectReport" and line.get("outcome") == "skipped":
            reason = longrepr_text(line.get("longrepr"))
            yield skipped_as_a_whole(text_of(line.get("nodeid")), reason, source="reportlog")
        elif kind in _REPORTS_OF_TESTS and isinstance(line.get("nodeid"), str):
            reports_of.setdefault(line["nodeid"], []).append(line)
    for nodeid, reports in reports_of.items():
        for run in runs_of(reports):
            test = _imported(nodeid, run, finished)
            failed = failed or test.outcome.is_red
            yield test
    if not finished:
        notes.cut_short("the log has no end of the session")
    elif exit_status not in _EXIT_CODES_OF_A_WHOLE_RUN:
        notes.cut_short(f"its pytest ended with exit status {exit_status}")
    elif exit_status == 1 and not failed:
        notes.cut_short("its pytest ended with exit status 1, and no failure is shown")


def _collection_error(line: dict[str, Any]) -> ImportedTest:
    failure = ImportedFailure(text=longrepr_text(line.get("longrepr")), phase=Phase.COLLECT)
    return ImportedTest(
        name=ImportedName(nodeid=text_of(line.get("nodeid")) or "(root)"),
        outcome=Outcome.ERROR,
        failures=(failure,),
        is_collection_error=True,
        source="reportlog",
    )


def _imported(nodeid: str, run: ReportedTest, finished: bool) -> ImportedTest:
    outcome = _outcome(run)
    failed = run.failed
    note = None
    if run.is_open and not finished:
        outcome, note = Outcome.CRASHED, "it was running when the log ends"
    elif run.is_open and not outcome.is_red:
        outcome, note = Outcome.NOT_RUN, "it was running when the session ended"
    elif run.failed_attempts:
        note = f"run again {counted_noun(len(run.failed_attempts), 'time')}"
        if outcome.passes:
            outcome = Outcome.FLAKY
            failed = [report for attempt in run.failed_attempts for report in attempt if _is_failed(report)]
    durations = [
        seconds_of(report.get("duration")) or 0.0 for report in run.reports if not is_subtest(report)
    ]
    return ImportedTest(
        name=ImportedName(nodeid=nodeid),
        outcome=outcome,
        failures=tuple(_failure(report) for report in failed) if outcome.has_failures else (),
        duration=sum(durations) if durations else None,
        note=note,
        facets=(Facet("worker", run.worker),) if run.worker else (),
        source="reportlog",
    )


def _is_failed(report: dict[str, Any]) -> bool:
    return report.get("outcome") in ("failed", "rerun")


def _outcome(run: ReportedTest) -> Outcome:
    reports = [report for report in run.reports if not is_subtest(report)]
    by_phase = {report.get("when"): report for report in reports}
    call = by_phase.get("call", {})
    skipped = [report for report in reports if report.get("outcome") == "skipped"]
    if any(report.get("when") == "call" for report in run.failed):
        return Outcome.FAILED
    if any(report.get("when") not in _PHASES for report in run.failed):
        return Outcome.CRASHED  # pytest-xdist reports a worker that died in no phase
    if run.failed:
        return Outcome.ERROR
    if skipped:
        expected = any("wasxfail" in report for report in reports)
        return Outcome.XFAILED if expected else Outcome.SKIPPED
    if "wasxfail" in call:
        return Outcome.XPASSED
    return Outcome.PASSED if call.get("outcome") == "passed" else Outcome.NOT_RUN


def _failure(report: dict[str, Any]) -> ImportedFailure:
    streams = {"stdout": "", "stderr": "", "log": ""}
    for section in map(list_of, list_of(report.get("sections"))):
        if len(section) != 2:
            continue
        title, content = text_of(section[0]).lower(), text_of(section[1])
        stream = next((name for name in streams if name in title), None)
        if stream is not None:
            streams[stream] += content
    longrepr = report.get("longrepr")
    crash = dict_of(dict_of(longrepr).get("reprcrash"))
    return ImportedFailure(
        message=text_of(crash.get("message")),
        text=longrepr_text(longrepr),
        phase=_PHASES.get(text_of(report.get("when")), Phase.CALL),
        subtest=_subtest(report),
        stdout=streams["stdout"],
        stderr=streams["stderr"],
        log=streams["log"],
    )


def _subtest(report: dict[str, Any]) -> str | None:
    """The subtest's message and parameters; None for the test itself."""
    context = dict_of(report.get("context") or report.get("_subtest.context"))
    parameters = dict_of(context.get("kwargs"))
    parts = [text_of(context.get("msg"))]
    if parameters:
        parts.append(f"({', '.join(f'{name}={value}' for name, value in parameters.items())})")
    return " ".join(filter(None, parts)) or None


def longrepr_text(longrepr: Any) -> str:
    """Write pytest's representation as its terminal would print it."""
    if isinstance(longrepr, list):  # a skip: path, line, reason
        return text_of(longrepr[-1]) if longrepr else ""
    if not isinstance(longrepr, dict):
        return text_of(longrepr)
    chain = [part for part in list_of(longrepr.get("chain")) if isinstance(part, list) and part]
    if not chain:
        return _traceback(longrepr.get("reprtraceback"))
    texts: list[str] = []
    for part in chain:
        texts.append(_traceback(part[0]))
        link = text_of(part[2]) if len(part) > 2 else ""
        if link:
            texts.append(_link(link))
    return "\n\n".join(texts)


def _link(text: str) -> str:
    """The sentence between two exceptions of a chain, as Python words it."""
    if "cause" in text:
        return CAUSE
    return CONTEXT if "handling" in text else text


def _traceback(traceback: Any) -> str:
    blocks = []
    for entry in map(dict_of, list_of(dict_of(traceback).get("reprentries"))):
        data = dict_of(entry.get("data"))
        place = dict_of(data.get("reprfileloc"))
        location = ""
        if place:
            location = f"{place.get('path')}:{place.get('lineno')}: {text_of(place.get('message'))}"
        lines = [text_of(line) for line in list_of(data.get("lines"))]
        is_short = text_of(data.get("style")) == "short"
        body = [location, *lines] if is_short else [*lines, "", location]
        blocks.append("\n".join(body).rstrip())
    return "\n_ _ _ _\n".join(blocks)

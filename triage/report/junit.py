"""JUnit XML: one `testcase` a test, whatever went wrong in it, in characters that XML allows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from xml.sax.saxutils import escape as xml_escape

from triage.model.escape import visible
from triage.model.failure import Failure
from triage.model.outcome import Outcome, Phase
from triage.model.run import RunRecord, TestResult
from triage.model.world import STAMP_FORMAT

TEXT_CHARS = 64 * 1024
_BAD = re.compile("[\ufffe\uffff]")
_ERRORS = frozenset({Outcome.ERROR, Outcome.CRASHED, Outcome.TIMEOUT, Outcome.NOT_RUN})


def junit(record: RunRecord, clusters_of: Mapping[str, Sequence[str]]) -> str:
    """The document: one suite; its counts are those of its test cases."""
    results = (*record.collect_errors, *record.results)
    tally = Counter(_kind(result) for result in results)
    stamp = datetime.strptime(record.stamp, STAMP_FORMAT).replace(tzinfo=UTC).isoformat()
    suite = {
        "name": f"triage {record.campaign}",
        "tests": str(len(results)),
        "errors": str(tally["error"]),
        "failures": str(tally["failure"]),
        "skipped": str(tally["skipped"]),
        "time": f"{record.seconds:.3f}",
        "timestamp": stamp,
    }
    cases = "".join(_case(result, clusters_of.get(result.nodeid, ())) for result in results)
    inner = f"<testsuite{_attributes(suite)}>\n{cases}</testsuite>"
    return f'<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n{inner}\n</testsuites>\n'


def names_of(nodeid: str) -> tuple[str, str]:
    """`classname` and `name` as pytest derives them: dotted path and classes, then the test."""
    path, *rest = _split(nodeid)
    dotted = re.sub(r"\.py$", "", path).replace("/", ".")
    if not rest:
        return "", path
    return ".".join((dotted, *rest[:-1])), rest[-1]


def _split(nodeid: str) -> list[str]:
    """Parts of a node id; `::` inside of a parameter separates nothing."""
    stem, bracket, parameters = nodeid.partition("[")
    parts = stem.split("::")
    parts[-1] += bracket + parameters
    return parts


def _kind(result: TestResult) -> str:
    if result.outcome in _ERRORS:
        return "error"
    if result.outcome is Outcome.FAILED:
        return "failure"
    return "skipped" if result.outcome in (Outcome.SKIPPED, Outcome.XFAILED) else "passed"


def _case(result: TestResult, clusters: Sequence[str]) -> str:
    classname, name = names_of(result.nodeid)
    where = {"classname": classname, "name": name, "time": f"{result.duration or 0.0:.3f}"}
    inner = "".join(_children(result, clusters))
    return (
        f"<testcase{_attributes(where)}>{inner}</testcase>\n"
        if inner
        else f"<testcase{_attributes(where)} />\n"
    )


def _children(result: TestResult, clusters: Sequence[str]) -> Iterator[str]:
    kind = _kind(result)
    if clusters:
        ids = "".join(
            f"<property{_attributes({'name': 'triage.cluster', 'value': one})} />" for one in clusters
        )
        yield f"<properties>{ids}</properties>"
    if kind == "skipped":
        reason = result.note or (result.failures[0].message if result.failures else "")
        how = "pytest.xfail" if result.outcome is Outcome.XFAILED else "pytest.skip"
        yield f"<skipped{_attributes({'type': how, 'message': reason})} />"
    elif kind in ("error", "failure") and not result.failures:
        message = result.note or result.signal or result.outcome.value
        yield f"<{kind}{_attributes({'type': result.outcome.value, 'message': message})} />"
    elif kind in ("error", "failure"):
        for failure in result.failures:
            yield _failure(failure, kind if result.outcome is not Outcome.FAILED else _tag(failure))
    captured = [failure.captured for failure in result.failures]
    for tag, text in (
        ("system-out", "".join(one.stdout + one.log for one in captured)),
        ("system-err", "".join(one.stderr for one in captured)),
    ):
        if text:
            yield f"<{tag}>{_text(text)}</{tag}>"


def _tag(failure: Failure) -> str:
    return "failure" if failure.phase is Phase.CALL else "error"


def _failure(failure: Failure, tag: str) -> str:
    shown = f"{failure.exception}: {failure.message}" if failure.exception else failure.message
    if failure.phase is not Phase.CALL:
        shown = f"failed on {failure.phase.value} with {shown}"
    attributes = {"type": failure.exception, "message": shown}
    return f"<{tag}{_attributes(attributes)}>{_text(failure.longrepr)}</{tag}>"


def _attributes(pairs: Mapping[str, str]) -> str:
    return "".join(f' {name}="{_quoted(value)}"' for name, value in pairs.items())


def _quoted(text: str) -> str:
    flat = _BAD.sub("\ufffd", visible(text, keep="\n"))[:4000]
    return xml_escape(flat, {'"': "&quot;", "\n": "&#10;"})


def _text(text: str) -> str:
    shown = _BAD.sub("\ufffd", visible(text.replace("\r\n", "\n"), keep="\n\t"))
    if len(shown) > TEXT_CHARS:
        half = TEXT_CHARS // 2
        shown = f"{shown[:half]}\n... [{len(shown) - TEXT_CHARS} characters cut] ...\n{shown[-half:]}"
    return xml_escape(shown)

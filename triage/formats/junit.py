"""JUnit XML in the dialects that exist: pytest (both families), Surefire, gtest, jest, go, PyTorch's own.

A dialect is never asked for by name; each of its habits is recognised where it appears:

- pytest writes a failure and a teardown error of one test as two rows, failed subtests as several
  `failure` children of one row, strict passes as `[XPASS(strict)]`, a collection error without class;
- Surefire hangs `rerunFailure`, `flakyFailure` and their `Error` twins on a row: the former beside a
  failure, the latter on a test that passed in the end; PyTorch writes `rerun`;
- gtest says `status="notrun"`, `result="suppressed"`; jest and go have no module in `classname`.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import BinaryIO, assert_never
from xml.sax.saxutils import escape, quoteattr
from xml.sax.saxutils import escape as xml_escape

from triage.formats.imported_test import Name, Reported, Wrong
from triage.formats.limits import Limits, Notes
from triage.formats.xml_stream import Handlers, read_xml
from triage.model.base import STAMP_FORMAT
from triage.model.failure import Failure
from triage.model.outcome import Outcome, Phase
from triage.model.run import RunRecord, TestResult
from triage.text.markup import visible

_WRONG = {"failure", "error"}
_RERUNS = {"rerunFailure", "rerunError", "flakyFailure", "flakyError", "rerun"}
_TEXTS = _WRONG | _RERUNS | {"skipped", "system-out", "system-err"}
_STREAMS = {"system-out": "stdout", "system-err": "stderr"}


@dataclass
class _Child:
    tag: str
    kind: str
    message: str
    parts: list[str] = field(default_factory=list)
    size: int = 0


@dataclass
class _Case:
    attributes: dict[str, str]
    suite_file: str
    children: list[_Child] = field(default_factory=list)


class _Dialect:
    """Collects test cases from the stream of elements."""

    def __init__(self, limits: Limits, notes: Notes) -> None:
        self._limits = limits
        self._notes = notes
        self._suites: list[str] = []
        self._case: _Case | None = None
        self._child: _Child | None = None
        self.cases: deque[_Case] = deque()
        self.is_junit = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.is_junit = self.is_junit or tag in ("testsuite", "testsuites", "testcase")
        if tag == "testsuite":
            self._suites.append(attributes.get("file") or attributes.get("filepath") or "")
        elif tag == "testcase":
            self._case = _Case(attributes, next((file for file in reversed(self._suites) if file), ""))
        elif tag in _TEXTS and self._case is not None and self._child is None:
            self._child = _Child(tag, attributes.get("type", ""), attributes.get("message", ""))
            self._case.children.append(self._child)

    def end(self, tag: str) -> None:
        if tag == "testsuite" and self._suites:
            self._suites.pop()
        elif tag == "testcase" and self._case is not None:
            self.cases.append(self._case)
            self._case = None
        elif self._child is not None and tag == self._child.tag:
            self._child = None

    def text(self, data: str) -> None:
        child = self._child
        if child is None:
            return
        child.size += len(data)
        child.parts.append(data)
        if child.size > 2 * self._limits.field_chars:
            whole = "".join(child.parts)
            head, tail = self._limits.field_chars // 2, self._limits.field_chars
            child.parts = [whole[:head], "\n[... cut ...]\n", whole[-tail:]]
            child.size = head + tail
            self._notes.drop("texts longer than the limit, whose middle was cut")

    def reset(self) -> None:
        if self._case is not None:
            self._notes.drop("test cases that damage cut off")
        self._case = self._child = None
        self._suites.clear()


def read_junit(stream: BinaryIO, *, limits: Limits, notes: Notes) -> Iterator[Reported]:
    """Every test case of the document, in order.

    Raises `RefusedXml` where it declares a DTD; damage is survived and counted.
    """
    dialect = _Dialect(limits, notes)
    handlers = Handlers(dialect.start, dialect.end, dialect.text, dialect.reset)
    for _ in read_xml(stream, handlers, limits=limits, notes=notes):
        while dialect.cases:
            yield _reported(dialect.cases.popleft())
    while dialect.cases:
        yield _reported(dialect.cases.popleft())
    if not dialect.is_junit:
        notes.drop("XML that is no JUnit report")


def _reported(case: _Case) -> Reported:
    attributes = case.attributes
    name = Name(
        classname=attributes.get("classname", "").strip(),
        name=attributes.get("name", ""),
        file=attributes.get("file") or attributes.get("filepath") or case.suite_file,
    )
    collection = not name.classname and any(child.message == "collection failure" for child in case.children)
    wrongs = _wrongs(case, collection)
    reruns = sum(child.tag in _RERUNS for child in case.children)
    return Reported(
        name=name,
        outcome=_outcome(case),
        wrongs=wrongs,
        duration=_seconds(attributes.get("time")),
        note=f"{reruns} further attempts failed" if reruns else None,
        collection=collection,
        source="junit",
    )


def _wrongs(case: _Case, collection: bool) -> tuple[Wrong, ...]:
    streams = dict.fromkeys(_STREAMS.values(), "")
    for child in case.children:
        if child.tag in _STREAMS:
            streams[_STREAMS[child.tag]] += "".join(child.parts)
    return tuple(
        Wrong(
            kind=child.kind if child.kind != "pytest.xfail" else "",
            message=child.message,
            text="".join(child.parts),
            phase=Phase.COLLECT if collection else _phase(child),
            stdout=streams["stdout"],
            stderr=streams["stderr"],
        )
        for child in case.children
        if child.tag in _WRONG
    )


def _phase(child: _Child) -> Phase:
    if child.tag == "error":
        if child.message.startswith(("failed on setup", "test setup failure")):
            return Phase.SETUP
        if child.message.startswith(("failed on teardown", "test teardown failure")):
            return Phase.TEARDOWN
    return Phase.CALL


def _outcome(case: _Case) -> Outcome:
    tags = {child.tag for child in case.children}
    if "failure" in tags:
        return Outcome.FAILED
    if "error" in tags:
        return Outcome.ERROR
    if "skipped" in tags:
        expected = any(child.kind == "pytest.xfail" for child in case.children)
        return Outcome.XFAILED if expected else Outcome.SKIPPED
    status = (case.attributes.get("status", "") + " " + case.attributes.get("result", "")).lower()
    if "notrun" in status or "not_run" in status or "disabled" in status:
        return Outcome.NOT_RUN
    if "suppressed" in status or "skipped" in status or "pending" in status:
        return Outcome.SKIPPED
    if status.split() and status.split()[0] in ("fail", "failed"):
        return Outcome.FAILED
    return Outcome.PASSED


def _seconds(text: str | None) -> float | None:
    """Seconds; some writers put separators into thousands."""
    try:
        seconds = float((text or "").replace(",", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e9 else None


TEXT_CHARS = 64 * 1024
_BAD = re.compile("[\ufffe\uffff]")


def report_junit(record: RunRecord, clusters_of: Mapping[str, Sequence[str]]) -> str:
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
    word = result.outcome.pytest_word
    match word:
        case "passed" | "xpassed":
            return "passed"
        case "failed":
            return "failure"
        case "error" | "not_run":
            return "error"
        case "skipped" | "xfailed":
            return "skipped"
        case _:
            assert_never(word)


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


_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEXT_CHARS = 64 * 1024


def chunk_junit(name: str, results: Sequence[TestResult], *, timestamp: str, seconds: float) -> bytes:
    """One suite: each test is one case, however many failures it has."""
    cases = [_chunk_case(result) for result in results if result.outcome is not Outcome.NOT_RUN]
    count = {kind: sum(1 for found, _ in cases if found == kind) for kind in ("failure", "error", "skipped")}
    head = (
        f'<testsuite name={_attribute(name)} errors="{count["error"]}" failures="{count["failure"]}" '
        f'skipped="{count["skipped"]}" tests="{len(cases)}" time="{seconds:.3f}" '
        f"timestamp={_attribute(timestamp)}>"
    )
    body = "".join(text for _, text in cases)
    text = f'<?xml version="1.0" encoding="utf-8"?><testsuites>{head}{body}</testsuite></testsuites>\n'
    return text.encode("utf-8")


def _chunk_case(result: TestResult) -> tuple[str, str]:
    classname, _, name = _names(result.nodeid)
    attributes = (
        f'classname={_attribute(classname)} name={_attribute(name)} time="{result.duration or 0:.3f}"'
    )
    kind, inner = _content(result)
    return kind, f"<testcase {attributes}>{inner}</testcase>" if inner else f"<testcase {attributes} />"


def _names(nodeid: str) -> tuple[str, str, str]:
    """`a/test_b.py::C::t[x::y]` as pytest names it: `a.test_b.C`, `t[x::y]`."""
    stem, bracket, parameters = nodeid.partition("[")
    parts = stem.split("::")
    module = re.sub(r"\.py$", "", parts[0]).replace("/", ".")
    classname = ".".join([module, *parts[1:-1]])
    return (classname, "::", parts[-1] + bracket + parameters) if len(parts) > 1 else ("", "", nodeid)


def _content(result: TestResult) -> tuple[str, str]:
    if _kind(result) == "skipped":
        kind = "pytest.xfail" if result.outcome is Outcome.XFAILED else "pytest.skip"
        return "skipped", f'<skipped type="{kind}" message={_attribute(result.note or "")} />'
    if not result.failures:
        return ("error", '<error message="no details" />') if result.outcome.is_red else ("", "")
    kind = "failure" if result.outcome is Outcome.FAILED else "error"
    return kind, "".join(_chunk_failure(failure, kind) for failure in result.failures)


def _chunk_failure(failure: Failure, kind: str) -> str:
    where = {Phase.SETUP: "failed on setup with ", Phase.TEARDOWN: "failed on teardown with "}.get(
        failure.phase, ""
    )
    message = (
        f"{where}{failure.exception}: {failure.message}" if failure.exception else where + failure.message
    )
    tag = "error" if where else kind
    output = "".join(
        f"\n--- {name} ---\n{text}" for name, text in failure.captured.model_dump().items() if text
    )
    text = (failure.longrepr + output)[:_TEXT_CHARS]
    return f"<{tag} message={_attribute(message[:4096])}>{_legal(escape(text))}</{tag}>"


def _attribute(text: str) -> str:
    return quoteattr(_legal(text), {"\n": "&#10;", "\t": "&#9;", "\r": "&#13;"})


def _legal(text: str) -> str:
    """Characters that XML 1.0 does not have, as pytest writes them."""
    return _ILLEGAL.sub(lambda match: f"#x{ord(match[0]):02X}", text)

"""JUnit XML in the dialects that exist: pytest (both families), Surefire, gtest, jest, go, PyTorch's own.

A dialect is never asked for by name; each of its habits is recognised where it appears:

- pytest writes a failure and a teardown error of one test as two rows, failed subtests as several
  `failure` children of one row, strict passes as `[XPASS(strict)]`, a collection error without class;
- Surefire hangs `rerunFailure`, `flakyFailure` and their `Error` twins on a row: the former beside a
  failure, the latter on a test that passed in the end; PyTorch writes `rerun`;
- gtest says `status="notrun"`, `result="suppressed"`; jest and go have no module in `classname`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from triage.ingest.limits import Limits, Notes
from triage.ingest.reported import Name, Reported, Wrong
from triage.ingest.xml_stream import Handlers, read_xml
from triage.model.outcome import Outcome, Phase

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

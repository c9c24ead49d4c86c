"""Read JUnit XML in its dialects: pytest (both families), Surefire, gtest, jest, go, PyTorch's own.

A dialect is never named by the user; each of its habits is recognised where it appears:

- pytest writes a failure and a teardown error of one test as two rows, failed subtests as several
  `failure` children of one row, strict passes as `[XPASS(strict)]`, a collection error without class;
- Surefire hangs `rerunFailure`, `flakyFailure` and their `Error` twins on a row: the former beside a
  failure, the latter on a test that passed in the end; PyTorch writes `rerun`;
- gtest says `status="notrun"`, `result="suppressed"`; jest and go have no module in `classname`;
- triage names outcomes that JUnit has no element for in the properties of the suite (`junit_writer.py`).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from triage.formats.file_head import FileHead
from triage.formats.imported_test import ImportedFailure, ImportedName, ImportedTest
from triage.formats.junit_writer import OUTCOME_PROPERTY
from triage.formats.limits import Limits, Notes
from triage.formats.node_ids import junit_names
from triage.formats.xml_stream import XmlHandlers, read_xml
from triage.model.outcome import Outcome, Phase
from triage.text.pattern import pattern

_SUITE_TAGS = frozenset({"testsuite", "testsuites", "testcase"})
_FAILURE_TAGS = frozenset({"failure", "error"})
_RERUN_TAGS = frozenset({"rerunFailure", "rerunError", "flakyFailure", "flakyError", "rerun"})
_STREAM_TAGS = {"system-out": "stdout", "system-err": "stderr"}
_CHILD_TAGS = _FAILURE_TAGS | _RERUN_TAGS | _STREAM_TAGS.keys() | {"skipped"}
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}

_PHASE_MESSAGE = pattern(
    r"""
    (?: failed[ ]on[ ](?P<phase>setup|teardown)[ ]with[ ]   # pytest since 5
      | test[ ](?P<old>setup|teardown)[ ]failure[ ]?        # pytest before
    )
    (?P<message> .* )
    """,
    matches=['failed on setup with "RuntimeError: x"', "test teardown failure"],
    rejects=["failed on Tuesday with a bang", "the test setup failure"],
    flags=re.DOTALL,
    how="fullmatch",
)
_COLLECTION_MESSAGE = pattern(
    r"collection[ ]failure (?: :[ ] (?P<message>.*) )?",
    matches=["collection failure", "collection failure: SyntaxError: bad"],
    rejects=["collection failures", "no collection failure"],
    flags=re.DOTALL,
    how="fullmatch",
)


_SUITE_ELEMENT = pattern(
    r"< (?: testsuites? | testcase ) \b (?! - )",
    matches=["<testsuites>", '<testsuite name="a">', "<testcase/>"],
    rejects=["<test-suite>", "<test-case>", "<testcase-list>"],
)


@dataclass
class _Child:
    """An element below a test case: a failure, a skip, a stream."""

    tag: str
    type: str
    message: str
    parts: list[str] = field(default_factory=list)
    size: int = 0

    @property
    def text(self) -> str:
        return "".join(self.parts)


@dataclass
class _Case:
    attributes: dict[str, str]
    suite_file: str
    told_outcome: Outcome | None
    """What the suite's properties say, in reports that triage wrote."""
    children: list[_Child] = field(default_factory=list)


class _Document:
    """Collects test cases from the stream of elements."""

    def __init__(self, limits: Limits, notes: Notes) -> None:
        self._limits = limits
        self._notes = notes
        self._suite_files: list[str] = []
        self._told_outcomes: dict[tuple[str, str], Outcome] = {}
        self._case: _Case | None = None
        self._child: _Child | None = None
        self.cases: deque[_Case] = deque()
        self.is_junit = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.is_junit = self.is_junit or tag in _SUITE_TAGS
        if tag == "testsuite":
            self._suite_files.append(attributes.get("file") or attributes.get("filepath") or "")
        elif tag == "testcase":
            self._case = self._opened_case(attributes)
        elif tag == "property" and self._case is None:
            self._read_property(attributes)
        elif tag in _CHILD_TAGS and self._case is not None and self._child is None:
            self._child = _Child(tag, attributes.get("type", ""), attributes.get("message", ""))
            self._case.children.append(self._child)

    def end(self, tag: str) -> None:
        if tag == "testsuite" and self._suite_files:
            self._suite_files.pop()
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
            self._cut_middle(child)

    def reset(self) -> None:
        if self._case is not None:
            self._notes.drop("test cases that damage cut off")
        self._case = self._child = None
        self._suite_files.clear()

    def _opened_case(self, attributes: dict[str, str]) -> _Case:
        inner_first = reversed(self._suite_files)
        suite_file = next((file for file in inner_first if file), "")
        names = attributes.get("classname", ""), attributes.get("name", "")
        return _Case(attributes, suite_file, self._told_outcomes.pop(names, None))

    def _read_property(self, attributes: dict[str, str]) -> None:
        fact, _, nodeid = attributes.get("name", "").partition(" ")
        value = attributes.get("value", "")
        if fact == OUTCOME_PROPERTY and value in _OUTCOMES:
            self._told_outcomes[junit_names(nodeid)] = _OUTCOMES[value]

    def _cut_middle(self, child: _Child) -> None:
        """Keep head and tail, so that a text without end costs bounded memory."""
        whole = child.text
        head, tail = self._limits.field_chars // 2, self._limits.field_chars
        child.parts = [whole[:head], "\n[... cut ...]\n", whole[-tail:]]
        child.size = head + tail
        self._notes.drop("texts longer than the limit, whose middle was cut")


def recognizes_junit(head: FileHead) -> bool:
    """Whether the text is markup with a suite or a test case in it."""
    return head.is_xml and _SUITE_ELEMENT.search(head.text) is not None


def read_junit(stream: BinaryIO, *, limits: Limits, notes: Notes) -> Iterator[ImportedTest]:
    """Read every test case of the document, in order.

    Raises `RefusedXml` where it declares a DTD; damage is survived and counted.
    """
    document = _Document(limits, notes)
    handlers = XmlHandlers(document.start, document.end, document.text, document.reset)
    for _ in read_xml(stream, handlers, limits=limits, notes=notes):
        while document.cases:
            yield _imported(document.cases.popleft())
    while document.cases:
        yield _imported(document.cases.popleft())
    if not document.is_junit:
        notes.drop("XML that is no JUnit report")


def _imported(case: _Case) -> ImportedTest:
    attributes = case.attributes
    name = ImportedName(
        classname=attributes.get("classname", "").strip(),
        name=attributes.get("name", ""),
        file=attributes.get("file") or attributes.get("filepath") or case.suite_file,
    )
    is_collection_error = not name.classname and any(
        _COLLECTION_MESSAGE.fullmatch(child.message) for child in case.children
    )
    outcome = _outcome(case)
    return ImportedTest(
        name=name,
        outcome=outcome,
        failures=() if outcome is Outcome.NOT_RUN else _failures(case, is_collection_error),
        duration=_seconds(attributes.get("time")),
        note=_note(case, outcome),
        is_collection_error=is_collection_error,
        source="junit",
    )


def _note(case: _Case, outcome: Outcome) -> str | None:
    """The number of reruns, or why the test did not run to its end."""
    reruns = sum(child.tag in _RERUN_TAGS for child in case.children)
    if reruns:
        return f"{reruns} further attempts failed"
    if outcome.is_red or outcome.passes:
        return None
    reason = next((child.message for child in case.children if child.message), "")
    if outcome is Outcome.NOT_RUN:
        reason = reason.removeprefix(outcome.value).removeprefix(": ")  # as triage's own writer puts it
    return reason or None


def _failures(case: _Case, is_collection_error: bool) -> tuple[ImportedFailure, ...]:
    streams = dict.fromkeys(_STREAM_TAGS.values(), "")
    for child in case.children:
        if child.tag in _STREAM_TAGS:
            streams[_STREAM_TAGS[child.tag]] += child.text
    failures = []
    for child in case.children:
        if child.tag not in _FAILURE_TAGS:
            continue
        phase, message = _phase_and_message(child, is_collection_error)
        failures.append(
            ImportedFailure(
                exception="" if child.type == "pytest.xfail" else child.type,  # a mark, no exception
                message=message,
                text=child.text,
                phase=phase,
                stdout=streams["stdout"],
                stderr=streams["stderr"],
            )
        )
    return tuple(failures)


def _phase_and_message(child: _Child, is_collection_error: bool) -> tuple[Phase, str]:
    """The phase that the message begins with, and the message without it."""
    if is_collection_error:
        found = _COLLECTION_MESSAGE.fullmatch(child.message)
        message = (found["message"] or child.message) if found else child.message
        return Phase.COLLECT, message
    found = _PHASE_MESSAGE.fullmatch(child.message) if child.tag == "error" else None
    if found is None:
        return Phase.CALL, child.message
    phase = Phase(found["phase"] or found["old"])
    message = found["message"].removeprefix('"').removesuffix('"')
    return phase, message or child.message


def _outcome(case: _Case) -> Outcome:
    shown = _outcome_of_elements(case)
    told = case.told_outcome
    # JUnit has one element for all of these: believe the property only where it says more, nothing else.
    if shown is Outcome.ERROR and told is not None and not told.finished:
        return told
    if shown is Outcome.PASSED and told is not None and told.pytest_word in ("passed", "xpassed"):
        return told
    return shown


def _outcome_of_elements(case: _Case) -> Outcome:
    tags = {child.tag for child in case.children}
    if "failure" in tags:
        return Outcome.FAILED
    if "error" in tags:
        return Outcome.ERROR
    if "skipped" in tags:
        expected = any(child.type == "pytest.xfail" for child in case.children)
        return Outcome.XFAILED if expected else Outcome.SKIPPED
    return _outcome_of_status(case.attributes)


def _outcome_of_status(attributes: dict[str, str]) -> Outcome:
    """The attributes `status` and `result`, which gtest and others have instead of an element."""
    status = f"{attributes.get('status', '')} {attributes.get('result', '')}".lower()
    words = status.split()
    if any(word in status for word in ("notrun", "not_run", "disabled")):
        return Outcome.NOT_RUN
    if any(word in status for word in ("suppressed", "skipped", "pending")):
        return Outcome.SKIPPED
    if words and words[0] in ("fail", "failed"):
        return Outcome.FAILED
    return Outcome.PASSED


def _seconds(text: str | None) -> float | None:
    """Seconds; some writers put separators into thousands."""
    try:
        seconds = float((text or "").replace(",", ""))
    except ValueError:
        return None
    longest = 1e9  # about 30 years: whatever is longer is no duration
    return seconds if 0 <= seconds < longest else None

"""Read JUnit XML in its dialects: pytest (both families), Surefire, gtest, ctest, jest, go, nextest, others.

A dialect is never named by the user; each of its habits is recognised where it appears:

- pytest writes a failure and a teardown error of one test as two rows, failed subtests as several
  `failure` children of one row, strict passes as `[XPASS(strict)]`, a collection error without class, an
  error of its own as the test case `internal` of class `pytest`, and no name where it was interrupted;
- Surefire and nextest hang `rerunFailure`, `flakyFailure` and their `Error` twins on a row: the former beside
  a failure, the latter on a test that passed in the end and is flaky; PyTorch writes `rerun`;
- gtest says `status="notrun"`, `result="suppressed"` of a disabled test, ctest `status="notrun"` of one that
  it could not start;
- triage names outcomes that JUnit has no element for in the properties of the suite (`junit_writer.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from triage.formats.collection_skips import skipped_as_a_whole
from triage.formats.file_head import FileHead
from triage.formats.imported_test import Facet, ImportedFailure, ImportedName, ImportedTest
from triage.formats.junit_document import (
    FAILED_ATTEMPT_TAGS,
    FAILURE_TAGS,
    STREAM_TAGS,
    Case,
    Child,
    Document,
)
from triage.formats.limits import Limits, Notes
from triage.formats.reported_run import VOID_NAME
from triage.formats.xml_stream import XmlHandlers, read_xml
from triage.model.outcome import Outcome, Phase
from triage.text.pattern import pattern

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
_OUTCOMES_OF_STATUS = {
    "disabled": Outcome.SKIPPED,
    "ignored": Outcome.SKIPPED,
    "pending": Outcome.SKIPPED,
    "skipped": Outcome.SKIPPED,
    "suppressed": Outcome.SKIPPED,
    "error": Outcome.ERROR,
    "broken": Outcome.FAILED,
    "fail": Outcome.FAILED,
    "failed": Outcome.FAILED,
    "failure": Outcome.FAILED,
    "crashed": Outcome.CRASHED,
    "timeout": Outcome.TIMEOUT,
    "timedout": Outcome.TIMEOUT,
    "aborted": Outcome.NOT_RUN,
    "interrupted": Outcome.NOT_RUN,
    "not_run": Outcome.NOT_RUN,
    "notrun": Outcome.NOT_RUN,
    "running": Outcome.NOT_RUN,
}
"""Of the attributes `status` and `result`, which gtest and others have instead of an element. Where both say
something the first in this order counts: what gtest suppressed is also `notrun`."""
_INTERNAL_ERROR = ("pytest", "internal")
"""Class and name that pytest gives an error of its own."""
_VOID_RUN = ("", VOID_NAME)
"""What triage writes before all tests of a run that can answer nothing."""
_COLLECTION_SKIP = "collection skipped"
"""pytest's message for a file that was skipped as a whole."""
_EXPECTED_FAILURE = ("pytest.xfail", "xfail")
"""Types of a `skipped` element, of pytest and of xmlrunner."""
_SKIPPED_BY_THE_TEST = ("SKIP_RETURN_CODE", "SKIP_REGULAR_EXPRESSION")
"""How ctest begins the reason of a test that skipped itself; other reasons are why it was not started."""


def recognizes_junit(head: FileHead) -> bool:
    """Whether the text is markup with a suite or a test case in it."""
    return head.is_xml and _SUITE_ELEMENT.search(head.text) is not None


def read_junit(stream: BinaryIO, *, limits: Limits, notes: Notes) -> Iterator[ImportedTest]:
    """Read every test case of the document, in order.

    Raises `RefusedXml` where it declares a DTD; damage is survived and counted.
    """
    document = Document(limits, notes)
    handlers = XmlHandlers(document.start, document.end, document.text, document.reset)
    for _ in read_xml(stream, handlers, limits=limits, notes=notes):
        while document.cases:
            yield from _imported(document.cases.popleft(), notes)
    while document.cases:
        yield from _imported(document.cases.popleft(), notes)
    if not document.is_junit:
        notes.drop("XML that is no JUnit report")


def _imported(case: Case, notes: Notes) -> Iterator[ImportedTest]:
    """The test, or what else the test case stands for."""
    if case.is_of_suite or case.is_nameless:
        yield from _outside_of_tests(case, notes)
    elif case.is_red and _names_of(case) == _INTERNAL_ERROR:
        notes.cut_short("pytest ended with an internal error")
        yield _failure_of_suite(case)
    elif case.is_red and _names_of(case) == _VOID_RUN:
        notes.cut_short(case.children[0].message.removeprefix("error: "))
    elif skip := _skip_of_a_file(case):
        yield skip
    else:
        yield _test(case)


def _names_of(case: Case) -> tuple[str, str]:
    return case.attributes.get("classname", "").strip(), case.attributes.get("name", "")


def _outside_of_tests(case: Case, notes: Notes) -> Iterator[ImportedTest]:
    """A failure of a suite, or a test case without a name, of which only a failure is worth keeping."""
    if not case.is_of_suite:
        notes.cut_short("a test case without a name: the run was interrupted in it")
    if case.is_red:
        yield _failure_of_suite(case)


def _skip_of_a_file(case: Case) -> ImportedTest | None:
    """A file that pytest skipped as a whole; None for everything else."""
    classname, name = _names_of(case)
    for child in case.children:
        if child.message == _COLLECTION_SKIP and not classname:
            path = case.file or name.replace(".", "/") + ".py"
            return skipped_as_a_whole(path, child.text, source="junit")
    return None


def _test(case: Case) -> ImportedTest:
    classname, name = _names_of(case)
    is_collection_error = not classname and any(
        _COLLECTION_MESSAGE.fullmatch(child.message) for child in case.children
    )
    outcome = _outcome(case)
    return ImportedTest(
        name=ImportedName(classname=classname, name=name, file=case.file),
        outcome=outcome,
        failures=_failures(case, outcome, is_collection_error),
        duration=_seconds(case.attributes.get("time")),
        note=_note(case, outcome),
        is_collection_error=is_collection_error,
        facets=_facets(case),
        source="junit",
    )


def _failure_of_suite(case: Case) -> ImportedTest:
    """What failed outside of any test: counted with what could not be collected."""
    name = case.file or case.suite.name or "testsuite"
    return ImportedTest(
        name=ImportedName(nodeid=name),
        outcome=Outcome.ERROR,
        failures=_failures(case, Outcome.ERROR, is_collection_error=True),
        is_collection_error=True,
        facets=_facets(case),
        source="junit",
    )


def _facets(case: Case) -> tuple[Facet, ...]:
    file = (Facet("file", case.file),) if case.file else ()
    return (*case.properties, *case.suite.facets, *file)


def _note(case: Case, outcome: Outcome) -> str | None:
    """The number of reruns, or why the test did not run to its end."""
    reruns = sum(child.tag in FAILED_ATTEMPT_TAGS for child in case.children)
    if reruns and case.told_outcome is None:
        return f"{reruns} further attempts failed"
    if outcome.has_failures or outcome.passes:
        return None
    reason = next((child.message or child.text.strip() for child in case.children), "")
    if outcome is Outcome.NOT_RUN:
        reason = reason.removeprefix(outcome.value).removeprefix(": ")  # as triage's own writer puts it
    return reason or None


def _failures(case: Case, outcome: Outcome, is_collection_error: bool) -> tuple[ImportedFailure, ...]:
    """Of a flaky test the attempts that failed, of a red one what made it red."""
    if not outcome.has_failures:
        return ()
    streams = dict.fromkeys(STREAM_TAGS.values(), "")
    for child in case.children:
        if child.tag in STREAM_TAGS:
            streams[STREAM_TAGS[child.tag]] += child.text
    tags = FAILED_ATTEMPT_TAGS if outcome.is_flaky else FAILURE_TAGS
    counted = [child for child in case.children if child.tag in tags]
    failures = [_failure(child, streams, is_collection_error) for child in counted]
    if not failures and any(streams.values()):
        failures = [ImportedFailure(stdout=streams["stdout"], stderr=streams["stderr"])]  # a `status` alone
    return tuple(failures)


def _failure(child: Child, streams: dict[str, str], is_collection_error: bool) -> ImportedFailure:
    phase, message = _phase_and_message(child, is_collection_error)
    own = {STREAM_TAGS[inner.tag]: inner.text for inner in child.inner if inner.tag in STREAM_TAGS}
    return ImportedFailure(
        exception="" if child.type == "pytest.xfail" else child.type,  # a mark, no exception
        message=message,
        text=child.text,
        phase=phase,
        stdout=own.get("stdout") or streams["stdout"],
        stderr=own.get("stderr") or streams["stderr"],
    )


def _phase_and_message(child: Child, is_collection_error: bool) -> tuple[Phase, str]:
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


def _outcome(case: Case) -> Outcome:
    shown = _outcome_of_elements(case)
    told = case.told_outcome
    # JUnit has one element for all of these: believe the property only where it says more, nothing else.
    if shown is Outcome.ERROR and told is not None and not told.finished:
        return told
    if shown is Outcome.PASSED and told is not None and told.pytest_word in ("passed", "xpassed"):
        return told
    return shown


def _outcome_of_elements(case: Case) -> Outcome:
    tags = {child.tag for child in case.children}
    if "failure" in tags:
        return Outcome.FAILED
    if "error" in tags:
        return Outcome.ERROR
    if "skipped" in tags:
        return _outcome_of_skip(case)
    shown = _outcome_of_status(case.attributes)
    if shown is Outcome.PASSED and not tags.isdisjoint(FAILED_ATTEMPT_TAGS):
        return Outcome.FLAKY
    return shown


def _outcome_of_skip(case: Case) -> Outcome:
    skips = [child for child in case.children if child.tag == "skipped"]
    if any(child.type.lower() in _EXPECTED_FAILURE for child in skips):
        return Outcome.XFAILED
    reason = next((child.message for child in skips if child.message), "")
    could_not_start = case.attributes.get("status") == "notrun" and bool(reason)
    if could_not_start and not reason.startswith(_SKIPPED_BY_THE_TEST):
        return Outcome.NOT_RUN
    return Outcome.SKIPPED


def _outcome_of_status(attributes: dict[str, str]) -> Outcome:
    told = f"{attributes.get('status', '')} {attributes.get('result', '')}".lower()
    words = set(told.replace("not run", "notrun").split())
    return next((outcome for word, outcome in _OUTCOMES_OF_STATUS.items() if word in words), Outcome.PASSED)


def _seconds(text: str | None) -> float | None:
    """Seconds; some writers put separators into thousands."""
    try:
        seconds = float((text or "").replace(",", ""))
    except ValueError:
        return None
    longest = 1e9  # about 30 years: whatever is longer is no duration
    return seconds if 0 <= seconds < longest else None

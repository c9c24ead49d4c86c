"""Write JUnit XML that is valid against the schema of pytest's own tests (`junit-10.xsd`, family xunit2).

That schema has no place in a `testcase` for a file, a line, a cluster, or an outcome that JUnit has no
element for. So the tests of one file are one `testsuite` with that `file`, and its `properties` hold the
rest: the name of a property is a fact and a node id (`triage.clusters tests/test_a.py::test_b`), its value
what is known.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, assert_never
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from triage.formats.junit_names import junit_names
from triage.formats.limits import capped
from triage.model.failure import UNTOLD, Failure
from triage.model.nodeid import file_of
from triage.model.outcome import Outcome, Phase
from triage.model.run import TestResult

if TYPE_CHECKING:
    from triage.formats.reported_run import ReportedRun

MESSAGE_CHARS = 4000
"""Of a `message`, which CI systems show in a list; the text of the element has the whole representation."""
TEXT_CHARS = 64 * 1024
"""Of a text; as much as the recorder keeps of one field."""

OUTCOME_PROPERTY = "triage.outcome"
"""crashed, timeout, flaky, not_run, xpassed: what JUnit can only call an error or a pass."""
CLUSTERS_PROPERTY = "triage.clusters"
"""Cluster ids, separated by blanks."""
QUARANTINE_PROPERTY = "triage.quarantine"
"""Until or since when the test is in or out of quarantine, who answers for it, and why."""
PLACE_PROPERTY = "triage.place"
"""`path:line` of the last frame in the suite's own files."""

Tag = Literal["failure", "error", "skipped"]
_NONCHARACTERS = "\ufffe\uffff"
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_PERHAPS_HIDDEN = re.compile("[^\n\t -~]")
_LOG_HEADING = " Captured Log ".center(80, "-")
"""As pytest separates the log from the output in `system-out`; the readers know it."""


def render_junit(run: ReportedRun) -> str:
    """The report of a whole run."""
    from triage.formats.reported_run import started  # a run writes JUnit XML of chunks, without this

    return write_junit(
        run.results,
        name=f"triage {run.record.campaign}",
        timestamp=started(run.record).isoformat(),
        seconds=run.record.seconds,
        clusters_of=run.clusters_of,
        quarantines={nodeid: str(shown["said"]) for nodeid, shown in run.quarantines.items()},
    )


def write_junit(
    results: Sequence[TestResult],
    *,
    name: str,
    timestamp: str,
    seconds: float,
    clusters_of: Mapping[str, Sequence[str]] | None = None,
    quarantines: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Write one test case a result, collection errors included.

    `timestamp` is ISO 8601, `seconds` the wall time of the whole, `clusters_of` maps node ids to clusters,
    `quarantines` to what is said of their quarantines.
    Characters that XML forbids or that nobody sees are spelled as pytest does (`#x1B`); long texts keep head
    and tail and say how much is missing.
    """
    root = Element("testsuites", name=_spelled(name), time=_time(seconds))
    in_files: dict[str, list[TestResult]] = {}
    for result in results:
        file = file_of(result.nodeid)
        in_files.setdefault(file, []).append(result)
    for file, in_file in in_files.items():
        root.append(_suite(file, in_file, timestamp, clusters_of or {}, quarantines))
    if not in_files:
        root.append(_suite(name, (), timestamp, {}, {}))  # readers want a suite, an empty one too
    indent(root, space="")
    text = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _suite(
    file: str,
    results: Sequence[TestResult],
    timestamp: str,
    clusters_of: Mapping[str, Sequence[str]],
    quarantines: Mapping[str, str],
) -> Element:
    tally = Counter(_element_of(result.outcome) for result in results)
    seconds = sum(result.duration or 0.0 for result in results)
    suite = Element(
        "testsuite",
        name=_spelled(file),
        file=_spelled(file),
        tests=str(len(results)),
        errors=str(tally["error"]),
        failures=str(tally["failure"]),
        skipped=str(tally["skipped"]),
        time=_time(seconds),
        timestamp=timestamp,
    )
    properties = [
        Element("property", name=_spelled(f"{fact} {result.nodeid}"), value=_spelled(value))
        for result in results
        for fact, value in _facts(result, clusters_of.get(result.nodeid, ()), quarantines.get(result.nodeid))
    ]
    if properties:
        SubElement(suite, "properties").extend(properties)
    suite.extend(_case(result) for result in results)
    return suite


def _facts(result: TestResult, clusters: Sequence[str], quarantine: str | None) -> Iterator[tuple[str, str]]:
    """What a `testcase` has no place for."""
    outcome = result.outcome
    if not outcome.finished or outcome.is_flaky or outcome is Outcome.XPASSED:
        yield OUTCOME_PROPERTY, outcome.value
    if clusters:
        yield CLUSTERS_PROPERTY, " ".join(clusters)
    if quarantine is not None:
        yield QUARANTINE_PROPERTY, quarantine
    place = next((failure.place for failure in result.failures if failure.place), None)
    if place is not None:
        yield PLACE_PROPERTY, f"{place.path}:{place.lineno}"


def _case(result: TestResult) -> Element:
    classname, name = junit_names(result.nodeid)
    case = Element(
        "testcase", classname=_spelled(classname), name=_spelled(name), time=_time(result.duration)
    )
    if result.outcome is Outcome.PASSED and not result.failures:
        # nearly every test of nearly every run: there is nothing else to say of it
        return case
    element = _element_of(result.outcome)
    if element == "skipped":
        reason = result.note or (result.failures[0].message if result.failures else "")
        mark = "pytest.xfail" if result.outcome is Outcome.XFAILED else "pytest.skip"
        SubElement(case, "skipped", type=mark, message=_message(reason))
    elif result.outcome.is_flaky:
        case.extend(_failed_attempt(failure) for failure in result.failures or (_untold(result),))
    elif element is not None and not result.failures:
        SubElement(case, element, message=_message(_ending(result)))
    elif element is not None:
        case.extend(_failure(failure, element) for failure in result.failures)
    if not result.outcome.is_flaky:
        case.extend(_streams(result.failures))
    return case


def _element_of(outcome: Outcome) -> Tag | None:
    """The element of a test case that stands for an outcome; None where it has none."""
    word = outcome.pytest_word
    match word:
        case "passed" | "xpassed":
            return None
        case "failed":
            return "failure"
        case "error" | "not_run":
            return "error"
        case "skipped" | "xfailed":
            return "skipped"
        case _:
            assert_never(word)


def _failure(failure: Failure, element: Tag) -> Element:
    """A failure of the test, or the error of its set-up, tear-down or collection, as pytest words them."""
    shown = f"{failure.exception}: {failure.message}" if failure.exception else failure.message
    match failure.phase:
        case Phase.CALL:
            tag, message = element, shown
        case Phase.SETUP | Phase.TEARDOWN:
            tag, message = "error", f'failed on {failure.phase.value} with "{shown}"'
        case Phase.COLLECT:
            tag, message = "error", f"collection failure: {shown}"
    made: Element = Element(tag, message=_message(message))
    if failure.exception:
        made.set("type", _spelled(failure.exception))
    made.text = _text(failure.longrepr)
    return made


def _ending(result: TestResult) -> str:
    """What is known of a test that left no failure: a crash, a timeout, a test that never ran."""
    exit_code = None if result.exit_code is None else f"exit code {result.exit_code}"
    details = result.note or result.signal or exit_code
    return f"{result.outcome.value}: {details}" if details else result.outcome.value


def _failed_attempt(failure: Failure) -> Element:
    """What Surefire writes beside a test that passed in the end; it wants a type."""
    tag = "flakyFailure" if failure.phase is Phase.CALL else "flakyError"
    shown = f"{failure.exception}: {failure.message}" if failure.exception else failure.message
    made = Element(tag, type=_spelled(failure.exception or "failure"), message=_message(shown))
    if failure.longrepr:
        SubElement(made, "stackTrace").text = _text(failure.longrepr)
    made.extend(_streams((failure,)))
    return made


def _untold(result: TestResult) -> Failure:
    """Of a flaky test of which nothing is known but that."""
    return Failure(nodeid=result.nodeid, phase=Phase.CALL, longrepr=result.note or UNTOLD)


def _streams(failures: Sequence[Failure]) -> Iterator[Element]:
    """`system-out` and `system-err`; the same output of several failures is written once."""
    captured = [failure.captured for failure in failures]
    stdout = "".join(dict.fromkeys(one.stdout for one in captured))
    stderr = "".join(dict.fromkeys(one.stderr for one in captured))
    log = "".join(dict.fromkeys(one.log for one in captured))
    if log:
        before = stdout if not stdout or stdout.endswith("\n") else f"{stdout}\n"
        stdout = f"{before}{_LOG_HEADING}\n{log}"
    for tag, text in (("system-out", stdout), ("system-err", stderr)):
        if text:
            made = Element(tag)
            made.text = _text(text)
            yield made


def _time(seconds: float | None) -> str:
    """Seconds with three decimals: the schema knows no `nan`, `inf` or sign."""
    valid = seconds is not None and isfinite(seconds) and seconds >= 0
    return f"{seconds if valid else 0.0:.3f}"


def _message(text: str) -> str:
    return _spelled(capped(text, MESSAGE_CHARS))


def _text(text: str) -> str:
    return _spelled(capped(text, TEXT_CHARS))


def _spelled(text: str) -> str:
    """Text without characters that XML 1.0 forbids or that nobody sees (escapes, direction marks)."""
    if text.isascii() and text.isprintable():
        return text
    flat = text.replace("\r\n", "\n")
    return _PERHAPS_HIDDEN.sub(_spelled_character, flat)


def _spelled_character(found: re.Match[str]) -> str:
    character = found[0]
    hidden = unicodedata.category(character) in _HIDDEN_CATEGORIES or character in _NONCHARACTERS
    if not hidden:
        return character
    number = ord(character)
    return f"#x{number:02X}" if number <= 0xFF else f"#x{number:04X}"

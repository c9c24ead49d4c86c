"""Collect the test cases of a JUnit document, and compare what its suites count with what they show."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from triage.formats.completeness import Tally, count_of, shortfall
from triage.formats.imported_test import Facet
from triage.formats.junit_names import junit_names
from triage.formats.junit_writer import OUTCOME_PROPERTY
from triage.formats.limits import Limits, Notes
from triage.model.outcome import Outcome

SUITE_TAGS = frozenset({"testsuite", "testsuites", "testcase"})
FAILURE_TAGS = frozenset({"failure", "error"})
FAILED_ATTEMPT_TAGS = frozenset({"rerunFailure", "rerunError", "flakyFailure", "flakyError", "rerun"})
"""Surefire's, nextest's and PyTorch's: an attempt that failed and is not the one that counts."""
STREAM_TAGS = {"system-out": "stdout", "system-err": "stderr"}
STACK_TAG = "stackTrace"
_CHILD_TAGS = FAILURE_TAGS | FAILED_ATTEMPT_TAGS | STREAM_TAGS.keys() | {"skipped"}
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
_MOST_PROPERTIES = 200
"""Of one suite that tell its surroundings; Java writes all of its own."""
_FACET_CHARS = 200
_HINT_FOR_PYTEST = (
    " (pytest counts passed subtests too: with --collected it is known whether a test is missing)"
)
_TRIAGE_PREFIX = OUTCOME_PROPERTY.partition(".")[0] + "."
_SURROUNDINGS = frozenset(
    {"browser", "project", "platform", "os", "device", "python", "env", "environment", "configuration",
     "config", "version", "target", "variant", "runtime", "locale", "engine", "database", "backend",
     "matrix", "parameters", "capabilities", "node"}
)  # fmt: skip
"""Words in the name of a test's own property that tell where it ran; others may differ from run to run."""


@dataclass
class Child:
    """An element below a test case: a failure, a skip, a stream."""

    tag: str
    type: str
    message: str
    parts: list[str] = field(default_factory=list)
    size: int = 0
    inner: list[Child] = field(default_factory=list)
    """The stack trace of an attempt of Surefire's, and what it printed."""

    @property
    def text(self) -> str:
        """The stack trace in it, else its character data."""
        trace = next((inner for inner in self.inner if inner.tag == STACK_TAG), self)
        return "".join(trace.parts)


@dataclass
class Suite:
    """A `testsuite` or `testsuites` element while it is open."""

    name: str
    file: str
    host: str
    counted: Tally
    """What its attributes say."""
    counted_within: Tally = field(default_factory=Tally)
    """What the suites in it count together, and its own rows."""
    shown: Tally = field(default_factory=Tally)
    properties: list[Facet] = field(default_factory=list)
    has_subtests: bool = False
    """pytest counts each subtest as a test, and shows those that passed nowhere."""
    is_of_pytest: bool = False

    @property
    def facets(self) -> tuple[Facet, ...]:
        """What tells its surroundings, the best name for them first: Playwright's host is the browser."""
        named = (Facet("host", self.host), Facet("suite", self.name))
        return (*(facet for facet in named if facet.value), *self.properties)


@dataclass
class Case:
    """A `testcase` element, or a failure that a suite has of its own."""

    attributes: dict[str, str]
    suite: Suite
    file: str
    """Of the test case, else of the innermost suite that has one."""
    told_outcome: Outcome | None
    """What the suite's properties say, in reports that triage wrote."""
    children: list[Child] = field(default_factory=list)
    properties: list[Facet] = field(default_factory=list)
    is_of_suite: bool = False

    @property
    def is_nameless(self) -> bool:
        """Whether it names no test, as the one that ran when pytest was interrupted."""
        return not self.attributes.get("name") and not self.attributes.get("classname")

    @property
    def is_red(self) -> bool:
        """Whether it has a failure or an error."""
        return any(child.tag in FAILURE_TAGS for child in self.children)

    @property
    def tally(self) -> Tally:
        """pytest counts each failed subtest, and a failure and an error of one test, as a test."""
        tags = [child.tag for child in self.children]
        red = sum(tag in FAILURE_TAGS for tag in tags)
        tests = 0 if self.is_of_suite else max(1, red)
        return Tally(tests, red, skipped=int("skipped" in tags or self.is_disabled))

    @property
    def is_disabled(self) -> bool:
        """Whether its attributes say that it was left out."""
        return self.attributes.get("status") in ("disabled", "notrun", "skipped")


class Document:
    """Collects test cases from the stream of elements."""

    def __init__(self, limits: Limits, notes: Notes) -> None:
        self._limits = limits
        self._notes = notes
        self._suites: list[Suite] = []
        self._told_outcomes: dict[tuple[str, str], Outcome] = {}
        self._case: Case | None = None
        self._open: list[Child] = []
        """The element below a test case, and the one below that."""
        self.cases: deque[Case] = deque()
        self.is_junit = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self.is_junit = self.is_junit or tag in SUITE_TAGS
        if tag in ("testsuite", "testsuites"):
            self._suites.append(self._opened_suite(attributes))
        elif tag == "testcase":
            self._case = self._opened_case(attributes)
        elif tag == "property":
            self._read_property(attributes)
        elif len(self._open) == 1 and (tag in STREAM_TAGS or tag == STACK_TAG):
            inner = Child(tag, "", "")
            self._open[0].inner.append(inner)
            self._open.append(inner)
        elif tag in _CHILD_TAGS and not self._open:
            self._open_child(tag, attributes)

    def end(self, tag: str) -> None:
        """An element ends."""
        if tag in ("testsuite", "testsuites") and self._suites:
            self._close_suite(self._suites.pop())
        elif tag == "testcase" and self._case is not None:
            self._close_case(self._case)
        elif self._open and tag == self._open[-1].tag:
            self._open.pop()
            if not self._open and self._case is not None and self._case.is_of_suite:
                self._close_case(self._case)

    def text(self, data: str) -> None:
        """Character data, of which the elements below a test case are kept."""
        if not self._open:
            return
        child = self._open[-1]
        child.size += len(data)
        child.parts.append(data)
        if child.size > 2 * self._limits.field_chars:
            self._cut_middle(child)

    def reset(self) -> None:
        """Damage: forget what is open."""
        if self._case is not None:
            self._notes.cut_short("test cases are cut off by damage")
        self._case = None
        self._open.clear()
        self._suites.clear()

    def _opened_suite(self, attributes: dict[str, str]) -> Suite:
        outer = self._suites[-1] if self._suites else None
        red = count_of(attributes.get("failures")) + count_of(attributes.get("errors"))
        skipped = count_of(attributes.get("skipped")) + count_of(attributes.get("disabled"))
        return Suite(
            name=attributes.get("name") or (outer.name if outer else ""),
            file=attributes.get("file") or attributes.get("filepath") or (outer.file if outer else ""),
            host=attributes.get("hostname") or (outer.host if outer else ""),
            counted=Tally(count_of(attributes.get("tests")), red, skipped),
            properties=list(outer.properties) if outer else [],
            is_of_pytest=attributes.get("name") == "pytest",
        )

    def _close_suite(self, suite: Suite) -> None:
        if _counts_assertions(suite):
            suite.counted.tests = 0
        counted = suite.counted.at_least(suite.counted_within)
        if self._suites:
            outer = self._suites[-1]
            outer.counted_within.add(counted)
            outer.shown.add(suite.shown)
            outer.has_subtests = outer.has_subtests or suite.has_subtests
            outer.is_of_pytest = outer.is_of_pytest or suite.is_of_pytest
        else:
            self._compare(suite, counted)

    def _compare(self, suite: Suite, counted: Tally) -> None:
        """What an outermost suite counts with all suites in it, against all rows."""
        if suite.has_subtests:
            counted = Tally(suite.shown.tests, counted.red)
        missing = shortfall(counted, suite.shown)
        if missing is None:
            return
        if counted.red > suite.shown.red:
            self._notes.cut_short(missing)
        else:
            self._notes.tests_missing(missing + (_HINT_FOR_PYTEST if suite.is_of_pytest else ""))

    def _opened_case(self, attributes: dict[str, str], *, is_of_suite: bool = False) -> Case:
        suite = self._suites[-1] if self._suites else Suite("", "", "", Tally())
        names = attributes.get("classname", ""), attributes.get("name", "")
        return Case(
            attributes,
            suite,
            file=attributes.get("file") or attributes.get("filepath") or suite.file,
            told_outcome=self._told_outcomes.pop(names, None),
            is_of_suite=is_of_suite,
        )

    def _close_case(self, case: Case) -> None:
        tally = case.tally
        case.suite.shown.add(tally)
        case.suite.counted_within.add(tally)
        if sum(child.tag in FAILURE_TAGS for child in case.children) > 1:
            case.suite.has_subtests = True
        self.cases.append(case)
        self._case = None
        self._open.clear()

    def _open_child(self, tag: str, attributes: dict[str, str]) -> None:
        if self._case is None and tag in FAILURE_TAGS:
            self._case = self._opened_case({}, is_of_suite=True)  # a suite that failed in its set-up
        if self._case is not None:
            child = Child(tag, attributes.get("type", ""), attributes.get("message", ""))
            self._case.children.append(child)
            self._open = [child]

    def _read_property(self, attributes: dict[str, str]) -> None:
        name, value = attributes.get("name", ""), attributes.get("value", "")
        if name.startswith(_TRIAGE_PREFIX):
            fact, _, nodeid = name.partition(" ")
            if fact == OUTCOME_PROPERTY and value in _OUTCOMES:
                self._told_outcomes[junit_names(nodeid)] = _OUTCOMES[value]
        elif len(value) > _FACET_CHARS:
            return
        elif self._case is not None:
            if not _SURROUNDINGS.isdisjoint(name.lower().replace("-", "_").replace(".", "_").split("_")):
                self._case.properties.append(Facet(name, value))
        elif self._suites and len(self._suites[-1].properties) < _MOST_PROPERTIES:
            self._suites[-1].properties.append(Facet(name, value))

    def _cut_middle(self, child: Child) -> None:
        """Keep head and tail, so that a text without end costs bounded memory."""
        whole = "".join(child.parts)
        head, tail = self._limits.field_chars // 2, self._limits.field_chars
        child.parts = [whole[:head], "\n[... cut ...]\n", whole[-tail:]]
        child.size = head + tail
        self._notes.drop("texts longer than the limit, whose middle was cut")


def _counts_assertions(suite: Suite) -> bool:
    """Whether `tests` is the number of assertions: Catch2's writer does so, and names no host but `tbd`."""
    return suite.host == "tbd"

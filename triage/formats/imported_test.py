"""One test as a report of any format has it, and the failure of our model that is made from it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from triage.formats.captured_output import split_captured
from triage.formats.doctests import doctest_chain
from triage.formats.input_text import cleaned
from triage.formats.limits import Limits, capped
from triage.formats.longrepr import parse_longrepr
from triage.formats.telling_line import telling_text
from triage.model.exception_group import members_apart
from triage.model.failure import SURROUNDINGS_MARK, UNTOLD, Captured, Failure, Raised
from triage.model.nodeid import file_of
from triage.model.outcome import Outcome, Phase

_BETWEEN_NAMES = re.compile(r"\s+[›»>|]\s+|::|[./\\#\[]")
"""What stands between the name of a suite or file and those of what is in it."""


@dataclass(frozen=True)
class ImportedName:
    """How a report names a test; which of the fields it has depends on the format."""

    nodeid: str = ""
    """Of pytest, where the format has one; else the other fields are resolved to one."""
    classname: str = ""
    name: str = ""
    file: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether the report names no test at all."""
        return not (self.nodeid or self.classname or self.name)

    @property
    def parts(self) -> frozenset[str]:
        """The names that a line of the report may repeat without telling anything, whole and in parts."""
        whole = {self.nodeid, self.classname, self.name, self.file}
        return frozenset(whole).union(*(_BETWEEN_NAMES.split(name) for name in whole))


class Facet(NamedTuple):
    """Something that a report says of where a test ran: two tests that differ in it are two."""

    kind: str
    """suite, host, browser, parameters, or the name of a property."""
    value: str


@dataclass(frozen=True)
class ImportedFailure:
    """One failure as a report has it: texts that nothing was done to."""

    exception: str = ""
    """Exception type, where the format has it apart."""
    message: str = ""
    text: str = ""
    """Traceback or pytest's long representation."""
    phase: Phase = Phase.CALL
    subtest: str | None = None
    stdout: str = ""
    stderr: str = ""
    log: str = ""
    chain: tuple[Raised, ...] = field(default=())
    """Where the format has it in parts."""


@dataclass(frozen=True)
class ImportedTest:
    """One test as one report has it."""

    name: ImportedName
    outcome: Outcome
    failures: tuple[ImportedFailure, ...] = ()
    """Of a flaky test those of the attempts that failed."""
    duration: float | None = None
    note: str | None = None
    is_collection_error: bool = False
    """The file or folder could not be collected; it is no test."""
    started: float | None = None
    """Seconds since the epoch, where the format tells it."""
    retry_of: str = ""
    """Of formats that have retries: rows of one report with the same value, each with a start of its own,
    are attempts of one test."""
    facets: tuple[Facet, ...] = ()
    """Where the test ran, in the order in which they name it best."""
    source: str = "record"
    """Which format: junit, json-report, reportlog, ctrf, allure, tap, log."""


def failures_of(
    failure: ImportedFailure, test: ImportedTest, nodeid: str, *, limits: Limits
) -> tuple[Failure, ...]:
    """Make the failure, or one for each member of an exception group, cleaned and cut to size.

    The chain is parsed from the text where it is not given.
    """
    text, streams_in_text = split_captured(_text(failure.text, limits))
    captured = _captured(failure, streams_in_text, limits)
    message = _text(failure.message, limits)
    own_id = nodeid.partition(SURROUNDINGS_MARK)[0]
    file = file_of(own_id)
    chain = failure.chain or doctest_chain(text or message, own_id) or parse_longrepr(text, test_file=file)
    if not chain:
        names = test.name.parts | {facet.value for facet in test.facets}
        said = telling_text((message, text), (captured.stderr, captured.stdout), names)
        exception, said = _typed(_type_name(failure.exception), said)
        chain = (Raised(type=exception, message=said or UNTOLD),)
    made = Failure(
        nodeid=nodeid,
        phase=failure.phase,
        chain=chain,
        longrepr=text or message,
        captured=captured,
        subtest=failure.subtest,
        source=test.source,
    )
    return members_apart(made)


def _captured(failure: ImportedFailure, streams_in_text: dict[str, str], limits: Limits) -> Captured:
    """The streams of the report, and those that it has under pytest's headings within others."""
    stdout, streams_in_stdout = split_captured(_text(failure.stdout, limits))
    streams = {"stdout": stdout, "stderr": _text(failure.stderr, limits), "log": _text(failure.log, limits)}
    for found in (streams_in_stdout, streams_in_text):
        for name, text in found.items():
            if text.strip() and text.strip() not in streams[name]:
                streams[name] += text
    return Captured(**streams)


def _text(text: str, limits: Limits) -> str:
    return capped(cleaned(text), limits.field_chars)


_NO_TYPES = frozenset({"failure", "failed", "fail", "error", "errored", "testfailure", "assertion"})
"""What writers put where an exception type is due and have none."""


_LABELS = frozenset(
    {"Actual", "Details", "Expected", "Failure", "Got", "Message", "Note", "Reason", "Received", "Want"}
)
"""What may stand before a colon at the beginning of a message and is no exception."""


def _type_name(text: str) -> str:
    """The exception type that a report gives, or nothing: a sentence or a word for "failed" is no type."""
    name = text.strip()
    if " " in name or name.lower() in _NO_TYPES:
        return ""
    return name


def _typed(exception: str, message: str) -> tuple[str, str]:
    """Split a message like `ValueError: bad` where the format has no exception type apart."""
    head, colon, rest = message.partition(": ")
    name = head.rpartition(".")[2]
    is_identifier = name.isidentifier() and name[:1].isupper() and " " not in head
    is_name = bool(colon) and is_identifier and head not in _LABELS
    may_replace = not exception or exception == head or name.endswith(("Error", "Exception"))
    if is_name and may_replace:
        return head, rest
    if not exception and message.startswith("assert "):
        return "AssertionError", message  # pytest shows no type for a plain assert
    return exception, message

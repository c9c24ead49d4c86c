"""One test as a report of any format has it, and the failure of our model that is made from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from triage.formats.captured_output import split_captured
from triage.formats.input_text import cleaned
from triage.formats.limits import Limits, capped
from triage.formats.longrepr import parse_longrepr
from triage.model.exception_group import members_apart
from triage.model.failure import Captured, Failure, Raised
from triage.model.outcome import Outcome, Phase


@dataclass(frozen=True)
class ImportedName:
    """How a report names a test; which of the fields it has depends on the format."""

    nodeid: str = ""
    """Of pytest, where the format has one; else the other fields are resolved to one."""
    classname: str = ""
    name: str = ""
    file: str = ""


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
    duration: float | None = None
    note: str | None = None
    is_collection_error: bool = False
    """The file or folder could not be collected; it is no test."""
    started: float = 0.0
    """Seconds; of several runs in one report the latest counts, where the format tells their times."""
    source: str = "record"
    """Which format: junit, json-report, reportlog, ctrf, allure, tap, log."""


def failures_of(failure: ImportedFailure, nodeid: str, *, source: str, limits: Limits) -> tuple[Failure, ...]:
    """Make the failure, or one for each member of an exception group, cleaned and cut to size.

    The chain is parsed from the text where it is not given.
    """
    text, streams_in_text = split_captured(_text(failure.text, limits))
    chain = failure.chain or parse_longrepr(text, test_file=nodeid.partition("::")[0])
    if not chain:
        shown = failure.message or _last_line(text)
        exception, message = _typed(failure.exception, _text(shown, limits))
        chain = (Raised(type=exception, message=message),) if exception or message else ()
    made = Failure(
        nodeid=nodeid,
        phase=failure.phase,
        chain=chain,
        longrepr=text or _text(failure.message, limits),
        captured=_captured(failure, streams_in_text, limits),
        subtest=failure.subtest,
        source=source,
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


def _typed(exception: str, message: str) -> tuple[str, str]:
    """Split a message like `ValueError: bad` where the format has no exception type apart."""
    head, colon, rest = message.partition(": ")
    name = head.rpartition(".")[2]
    is_name = bool(colon) and name.isidentifier() and name[:1].isupper() and " " not in head
    may_replace = not exception or exception == head or name.endswith(("Error", "Exception"))
    if is_name and may_replace:
        return head, rest
    if not exception and message.startswith("assert "):
        return "AssertionError", message  # pytest shows no type for a plain assert
    return exception, message


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2].strip()

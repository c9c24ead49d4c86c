"""What a report of any format says of one test: what the readers give and the record is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from triage.formats.input_text import cleaned
from triage.formats.limits import Limits, capped
from triage.formats.longrepr import parse_longrepr
from triage.formats.pytest_log_sections import split_captured
from triage.model.failure import Captured, Failure, Raised
from triage.model.outcome import Outcome, Phase


@dataclass(frozen=True)
class ImportedName:
    """How a report names a test; which of the fields it has depends on the format."""

    nodeid: str = ""
    """Where the format has it."""
    classname: str = ""
    name: str = ""
    file: str = ""


@dataclass(frozen=True)
class ImportedFailure:
    """One failure as a report tells it: texts only."""

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


def failure_of(failure: ImportedFailure, nodeid: str, *, source: str, limits: Limits) -> Failure:
    """The failure, cleaned and cut to size; the chain is read from the text where it is not given."""
    text, inside = split_captured(_text(failure.text, limits))
    chain = failure.chain or parse_longrepr(text, test_file=nodeid.partition("::")[0])
    if not chain:
        kind, message = _typed(failure.exception, _text(failure.message or _last_line(text), limits))
        chain = (Raised(type=kind, message=message),) if kind or message else ()
    return Failure(
        nodeid=nodeid,
        phase=failure.phase,
        chain=chain,
        longrepr=text or _text(failure.message, limits),
        captured=_captured(failure, inside, limits),
        subtest=failure.subtest,
        source=source,
    )


def _captured(failure: ImportedFailure, inside: dict[str, str], limits: Limits) -> Captured:
    """The streams of the report, and those that it has under pytest's headings within others."""
    own, headed = split_captured(_text(failure.stdout, limits))
    streams = {"stdout": own, "stderr": _text(failure.stderr, limits), "log": _text(failure.log, limits)}
    for found in (headed, inside):
        for name, text in found.items():
            if text.strip() and text.strip() not in streams[name]:
                streams[name] += text
    return Captured(**streams)


def _text(text: str, limits: Limits) -> str:
    return capped(cleaned(text), limits.field_chars)


def _typed(kind: str, message: str) -> tuple[str, str]:
    """`ValueError: bad` has its type in the message where the format has none apart."""
    head, colon, rest = message.partition(": ")
    name = head.rpartition(".")[2]
    looks_like_type = colon and name.isidentifier() and name[:1].isupper() and " " not in head
    if looks_like_type and (not kind or kind == head or name.endswith(("Error", "Exception"))):
        return head, rest
    if not kind and message.startswith("assert "):
        return "AssertionError", message
    return kind, message


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2].strip()

"""A chunk's `junit.xml` in pytest's dialect, with crashed and hung tests in it as errors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from triage.model.failure import Failure
from triage.model.outcome import Outcome, Phase
from triage.model.run import TestResult

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEXT_CHARS = 64 * 1024


def junit(name: str, results: Sequence[TestResult], *, timestamp: str, seconds: float) -> bytes:
    """One suite: each test is one case, however many failures it has."""
    cases = [_case(result) for result in results if result.outcome is not Outcome.NOT_RUN]
    count = {kind: sum(1 for found, _ in cases if found == kind) for kind in ("failure", "error", "skipped")}
    head = (
        f'<testsuite name={_attribute(name)} errors="{count["error"]}" failures="{count["failure"]}" '
        f'skipped="{count["skipped"]}" tests="{len(cases)}" time="{seconds:.3f}" '
        f"timestamp={_attribute(timestamp)}>"
    )
    body = "".join(text for _, text in cases)
    text = f'<?xml version="1.0" encoding="utf-8"?><testsuites>{head}{body}</testsuite></testsuites>\n'
    return text.encode("utf-8")


def _case(result: TestResult) -> tuple[str, str]:
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
    if result.outcome in (Outcome.SKIPPED, Outcome.XFAILED):
        kind = "pytest.xfail" if result.outcome is Outcome.XFAILED else "pytest.skip"
        return "skipped", f'<skipped type="{kind}" message={_attribute(result.note or "")} />'
    if not result.failures:
        return ("error", '<error message="no details" />') if result.outcome.is_red else ("", "")
    kind = "failure" if result.outcome is Outcome.FAILED else "error"
    return kind, "".join(_failure(failure, kind) for failure in result.failures)


def _failure(failure: Failure, kind: str) -> str:
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

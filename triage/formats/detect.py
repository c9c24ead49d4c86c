"""Which format a file has, by its first bytes; its name is never asked."""

from __future__ import annotations

import codecs
import json
import re
from enum import StrEnum

from triage.formats.input_text import cleaned, unprefixed


class Format(StrEnum):
    """What `triage import` reads."""

    JUNIT = "JUnit XML"
    JSON_REPORT = "pytest-json-report"
    REPORTLOG = "pytest-reportlog"
    CTRF = "CTRF"
    ALLURE = "Allure result"
    TAP = "TAP"
    LOG = "pytest terminal log"


HEAD_BYTES = 256 * 1024
_REPORTLOG = re.compile(r'^\{"(?:pytest_version|nodeid)"|"\$?_?report_type":\s*"[A-Z]')
_ALLURE = re.compile(r'"(?:historyId|testCaseId|statusDetails|fullName)"')
_CONTAINER = frozenset({"children", "befores", "afters"})
_TAP = re.compile(r"^(?:TAP version \d+|1\.\.\d+|(?:not )?ok\b(?: \d+)?)", re.MULTILINE)
_LOG = re.compile(
    r"^=+ (?:test session starts|FAILURES|ERRORS|short test summary info) =+$"
    r"|^=+ \d+ (?:passed|failed|error|skipped).* =+$"
    r"|^_{3,} .+ _{3,}$|^(?:FAILED|ERROR) \S+(?:::\S+)?(?: - .*)?$",
    re.MULTILINE,
)


def sniff(head: bytes) -> Format | None:
    """The format of a file that begins so; None where it is no report."""
    text = decoded(head).lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        return Format.JUNIT if re.search(r"<(?:testsuites?|testcase)\b|<!(?:DOCTYPE|ENTITY)", text) else None
    if text.startswith(("{", "[")) and (known := _json_format(text)) is not None:
        return known
    plain = cleaned(text)
    bare = unprefixed(plain)
    plain = "\n".join(map(bare, plain.split("\n")))
    if _LOG.search(plain):
        return Format.LOG
    first = next((line for line in plain.splitlines() if line.strip() and not line.startswith("#")), "")
    if _TAP.match(first) and len(_TAP.findall(plain)) > (0 if first.startswith("TAP version") else 1):
        return Format.TAP
    return None


def _json_format(text: str) -> Format | None:
    if _REPORTLOG.search(text.partition("\n")[0][:4096]):
        return Format.REPORTLOG
    if '"reportFormat"' in text and "CTRF" in text:
        return Format.CTRF
    if '"results"' in text and '"tool"' in text and '"tests"' in text:
        return Format.CTRF
    if '"summary"' in text and ('"tests"' in text or '"collectors"' in text or '"exitcode"' in text):
        return Format.JSON_REPORT
    if '"exitcode"' in text and '"duration"' in text:
        return Format.JSON_REPORT
    if _ALLURE.search(text) and ('"status"' in text or '"uuid"' in text):
        return Format.ALLURE
    return _allure_container(text)


def _allure_container(text: str) -> Format | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return (
        Format.ALLURE if isinstance(value, dict) and "uuid" in value and value.keys() & _CONTAINER else None
    )


def decoded(data: bytes) -> str:
    """Text of bytes by their byte order mark, else UTF-8 with replacement."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    if data[:4] in (b"<\0?\0", b"<\0t\0"):
        return data.decode("utf-16-le", "replace")
    return data.decode("utf-8-sig", "replace")

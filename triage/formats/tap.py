"""TAP 13 and 14: the plan first or last, subtests indented, YAML between dashes, `# TODO` is no failure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from triage.formats.file_head import FileHead
from triage.formats.imported_test import ImportedFailure, ImportedName, ImportedTest
from triage.formats.input_text import raw_lines
from triage.formats.limits import Limits, Notes
from triage.model.outcome import Outcome
from triage.text.pattern import pattern

_POINT = re.compile(r"^(?P<not>not )?ok\b(?: (?P<number>\d+))?(?: -)?(?P<rest>.*)$")
_PLAN = re.compile(r"^1\.\.(?P<count>\d+)(?:\s*#\s*SKIP\b\s*(?P<reason>.*))?$", re.IGNORECASE)
_DIRECTIVE = re.compile(r"(?<!\\)#\s*(?P<word>SKIP|TODO)\S*\s*(?P<reason>.*)$", re.IGNORECASE)


_LINE_OF_TAP = pattern(
    r"^ (?: TAP[ ]version[ ]\d+ | 1\.\.\d+ | (?: not[ ] )? ok \b (?: [ ]\d+ )? )",
    matches=["TAP version 14", "1..5", "ok 1 - a", "not ok"],
    rejects=["okay", "2..5", "all ok"],
    flags=re.MULTILINE,
)


@dataclass
class _Point:
    name: str
    outcome: Outcome
    lines: list[str] = field(default_factory=list)


def recognizes_tap(head: FileHead) -> bool:
    """Whether the text has a version line, or begins with a line of TAP and has another."""
    lines = (line for line in head.log.splitlines() if line.strip() and not line.startswith("#"))
    first = next(lines, "")
    if _LINE_OF_TAP.match(first) is None:
        return False
    needed = 1 if first.startswith("TAP version") else 2
    return len(_LINE_OF_TAP.findall(head.log)) >= needed


def read_tap(stream: BinaryIO, *, limits: Limits, notes: Notes) -> Iterator[ImportedTest]:
    """Test points of the top level, each with the diagnostics and the failed subtests around it."""
    points: list[_Point] = []
    planned: int | None = None
    before: list[str] = []
    for raw in raw_lines(stream, limits=limits, notes=notes):
        line = raw.decode("utf-8", "replace").rstrip("\r\n").removeprefix("\ufeff")
        if found := _PLAN.match(line):
            planned = int(found["count"])
        elif line.startswith("Bail out!"):
            notes.cut_short(f"bailed out: {line[9:].strip()[:200]}")
        elif found := _POINT.match(line):
            points.append(_point(found, before))
            before = []
        elif line.startswith((" ", "\t")) and re.match(r"\s+(?:not )?ok\b", line):
            before.append(line)
        elif points and (line.startswith(("#", "  ", "\t"))):
            points[-1].lines.append(line)
    if planned is None:
        notes.cut_short("there is no plan")
    elif planned != len(points):
        notes.cut_short(f"{planned} tests were planned and {len(points)} are told")
    for point in points:
        yield _imported(point)


def _point(found: re.Match[str], before: list[str]) -> _Point:
    rest = found["rest"].strip()
    directive = _DIRECTIVE.search(rest)
    name = (rest[: directive.start()] if directive else rest).strip()
    name = name.replace("\\#", "#").replace("\\\\", "\\") or f"test {found['number'] or '?'}"
    outcome = Outcome.FAILED if found["not"] else Outcome.PASSED
    if directive and directive["word"].upper() == "SKIP":
        outcome = Outcome.SKIPPED
    elif directive:
        outcome = Outcome.XFAILED if found["not"] else Outcome.XPASSED
    failed = [line.strip() for line in before if line.lstrip().startswith("not ok")]
    return _Point(name, outcome, failed)


def _imported(point: _Point) -> ImportedTest:
    text = "\n".join(re.sub(r"^(?:# ?| {2})", "", line) for line in point.lines)
    message = re.search(r"^\s*message:\s*(?:['\"]?)(.+?)['\"]?\s*$", text, re.MULTILINE)
    failure = ImportedFailure(message=message[1] if message else "", text=text)
    name = ImportedName(nodeid=point.name) if "::" in point.name else ImportedName(name=point.name)
    return ImportedTest(
        name=name, outcome=point.outcome, failures=(failure,) if point.outcome.is_red else (), source="tap"
    )

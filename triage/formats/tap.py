"""Read TAP 13 and 14: the plan first or last, subtests indented, YAML between dashes, `# TODO` no failure."""

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

_POINT = pattern(
    r"^ (?P<not> not[ ] )? ok \b (?: [ ] (?P<number> \d+ ) )? (?: [ ]- )? (?P<rest> .* ) $",
    matches=["ok", "ok 1 - adds", "not ok 2 adds", "ok - adds"],
    rejects=["okay", " ok 1", "not okay"],
    how="match",
)
_PLAN = pattern(
    r"^ 1\.\. (?P<count> \d+ ) (?: \s* \# \s* SKIP \b \s* (?P<reason> .* ) )? $",
    matches=["1..5", "1..0 # SKIP no network", "1..0 # skip"],
    rejects=["2..5", "1..5 of them", "1.5"],
    flags=re.IGNORECASE,
    how="match",
)
_DIRECTIVE = pattern(
    r"(?<! \\ ) \# \s* (?P<word> SKIP | TODO ) \S* \s* (?P<reason> .* ) $",
    matches=["later # SKIP no network", "adds # TODO not yet", "a # skipped: b"],
    rejects=["a \\# SKIP", "SKIP", "a # later"],
    flags=re.IGNORECASE,
)
_MESSAGE = pattern(
    r"""^ \s* message: \s* ['"]? (?P<message> .+? ) ['"]? \s* $""",
    matches=["message: 'expected 3'", "  message: expected 3", 'a: 1\nmessage: "b"'],
    rejects=["the message: b", "message:"],
    flags=re.MULTILINE,
)
_SUBTEST_POINT = re.compile(r"\s+(?:not )?ok\b")
_COMMENT_MARK = re.compile(r"^(?:# ?| {2})")
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
    """Read the test points of the top level, each with its failed subtests and its diagnostics."""
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
        elif _SUBTEST_POINT.match(line):
            before.append(line)
        elif points and (line.startswith(("#", "  ", "\t"))):
            points[-1].lines.append(line)
    if planned is None:
        notes.cut_short("there is no plan")
    elif planned != len(points):
        notes.cut_short(f"{planned} tests were planned and {len(points)} are in it")
    for point in points:
        yield _imported(point)


def _point(found: re.Match[str], before: list[str]) -> _Point:
    rest = found["rest"].strip()
    directive = _DIRECTIVE.search(rest)
    name = rest[: directive.start()].strip() if directive else rest
    name = name.replace("\\#", "#").replace("\\\\", "\\")
    failed_subtests = [line.strip() for line in before if line.lstrip().startswith("not ok")]
    return _Point(name or f"test {found['number'] or '?'}", _outcome(found, directive), failed_subtests)


def _outcome(point: re.Match[str], directive: re.Match[str] | None) -> Outcome:
    failed = point["not"] is not None
    if directive is None:
        return Outcome.FAILED if failed else Outcome.PASSED
    if directive["word"].upper() == "SKIP":
        return Outcome.SKIPPED
    return Outcome.XFAILED if failed else Outcome.XPASSED


def _imported(point: _Point) -> ImportedTest:
    text = "\n".join(_COMMENT_MARK.sub("", line) for line in point.lines)
    message = _MESSAGE.search(text)
    failure = ImportedFailure(message=message["message"] if message else "", text=text)
    is_nodeid = "::" in point.name
    return ImportedTest(
        name=ImportedName(nodeid=point.name) if is_nodeid else ImportedName(name=point.name),
        outcome=point.outcome,
        failures=(failure,) if point.outcome.is_red else (),
        source="tap",
    )

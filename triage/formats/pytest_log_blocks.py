"""Cut the FAILURES and ERRORS of a pytest log into one block for each heading, captured output apart."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from triage.formats.captured_output import CAPTURED_HEADING, stream_name
from triage.formats.pytest_log_lines import Kind, Mark
from triage.model.failure import is_test, posix
from triage.model.outcome import Phase
from triage.text.pattern import pattern

_SUBTEST_HEADING = pattern(
    r"""
    (?P<name> [^\s\[]+ (?: \[ [^\]]* \] )? ) [ ]                     # the test, perhaps with parameters
    (?P<subtest> (?: \[ .* \] )? [ ]? (?: \( .* \) )? )              # [message] (parameter=value)
    """,
    matches=["test_parts [first] (i=1)", "test_parts[a] (i=1)", "test_parts [first]"],
    rejects=["test_parts", "test_parts[a]", "test with blanks (i=1)"],
    how="fullmatch",
)
_ERROR_HEADING = pattern(
    r"""
    ^ ERROR [ ]
    (?: at [ ] (?P<phase> setup | teardown ) [ ] of [ ] (?P<name> .+ )
      | collecting [ ] (?P<path> .+ )
    ) $
    """,
    matches=["ERROR at setup of test_a", "ERROR collecting tests/test_a.py"],
    rejects=["ERROR at call of test_a", "test_a"],
    how="match",
)
_DOCTEST = "[doctest] "
_LOCATION = re.compile(r"^(?P<path>[^\s:][^:\n]*\.py):\d+: ", re.MULTILINE)


@dataclass
class Block:
    """One failure as the log shows it."""

    heading: str
    """`TestB.test_c[d]`, or the path that could not be collected."""
    phase: Phase
    subtest: str | None = None
    lines: list[str] = field(default_factory=list)
    streams: dict[str, list[str]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The representation without captured output."""
        return "\n".join(self.lines).strip("\n")

    def captured(self, stream: str) -> str:
        """What was captured of stdout, stderr or the log."""
        return "\n".join(self.streams.get(stream, ()))

    def first_test_file(self) -> str:
        """The first file shown that is named like a test, else the first shown; empty where there is none."""
        shown = [posix(match["path"]) for match in _LOCATION.finditer(self.text)]
        tests = [path for path in shown if is_test(path)]
        return next(iter(tests or shown), "")


class BlockReader:
    """Takes the lines of a section in order."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._into: list[str] = []

    def open(self, heading: str) -> None:
        """A failure begins."""
        self.blocks.append(_opened(heading))
        self._into = self.blocks[-1].lines

    def close(self) -> None:
        """The section is over: what follows is of no failure."""
        self._into = []

    def take(self, line: str, mark: Mark | None) -> None:
        """A line of the failure, or the heading of a stream or of a plugin's part of it."""
        if not self.blocks:
            return
        if mark is None or mark.kind is not Kind.STREAM:
            self._into.append(line)
        elif captured := CAPTURED_HEADING.match(line):
            self._into = self.blocks[-1].streams.setdefault(stream_name(captured), [])
        elif self._into is self.blocks[-1].lines:
            self._into = []  # a plugin's own part of the failure, up to the next heading, is not kept
        else:
            self._into.append(line)  # in an output it may as well be what the test printed


def _opened(heading: str) -> Block:
    error = _ERROR_HEADING.match(heading)
    if error is not None and error["path"]:
        return Block(error["path"], Phase.COLLECT)
    if error is not None:
        return Block(error["name"].removeprefix(_DOCTEST), Phase(error["phase"]))
    if heading.startswith(_DOCTEST):
        return Block(heading.removeprefix(_DOCTEST), Phase.CALL)
    subtest = _SUBTEST_HEADING.fullmatch(heading)
    if subtest is not None:
        return Block(subtest["name"], Phase.CALL, subtest["subtest"])
    return Block(heading, Phase.CALL)

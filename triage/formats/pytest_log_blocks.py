"""Cut the FAILURES and ERRORS of a pytest log into one block for each heading, captured output apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from triage.formats.captured_output import CAPTURED_HEADING, stream_name
from triage.model.failure import is_test, posix
from triage.model.outcome import Phase
from triage.text.pattern import pattern

SECTIONS_WITH_BLOCKS = ("FAILURES", "ERRORS")

_HEADING = pattern(
    r"^ _{2,} [ ] (?P<heading> \S .*? ) [ ] _+ $",
    matches=["____ TestB.test_c[d] ____", "__ ERROR at setup of test_a _"],
    rejects=["_ _ _ _", "____", "test_a ____"],
    how="match",
)
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
_PLUGIN_HEADING = re.compile(r"^-{2,} \S.* -{2,}$")
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


def blocks_of(section: str, lines: Sequence[str]) -> Iterator[Block]:
    """Give the blocks of a FAILURES or ERRORS section; nothing of any other."""
    if section not in SECTIONS_WITH_BLOCKS:
        return
    block: Block | None = None
    into: list[str] = []
    for line in lines:
        if found := _HEADING.match(line):
            if block is not None:
                yield block
            block = _opened(found["heading"])
            into = block.lines
        elif block is None:
            continue
        elif captured := CAPTURED_HEADING.match(line):
            into = block.streams.setdefault(stream_name(captured), [])
        elif _PLUGIN_HEADING.match(line):
            into = []  # a plugin's own section, up to the next heading, is not kept
        else:
            into.append(line)
    if block is not None:
        yield block


def _opened(heading: str) -> Block:
    error = _ERROR_HEADING.match(heading)
    if error is not None and error["path"]:
        return Block(error["path"], Phase.COLLECT)
    if error is not None:
        return Block(error["name"], Phase(error["phase"]))
    subtest = _SUBTEST_HEADING.fullmatch(heading)
    if subtest is not None:
        return Block(subtest["name"], Phase.CALL, subtest["subtest"])
    return Block(heading, Phase.CALL)

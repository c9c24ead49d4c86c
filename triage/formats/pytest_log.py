"""Read pytest's terminal output.

Failures and errors come with their representation and captured output, outcomes where the run was verbose,
node ids from the short summary. What a log cannot tell (names of tests that passed quietly) is counted, not
invented.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from triage.formats.file_head import FileHead
from triage.formats.imported_test import ImportedFailure, ImportedName, ImportedTest
from triage.formats.input_text import as_utf8, cleaned, raw_lines, unprefixed
from triage.formats.limits import Limits, Notes
from triage.formats.pytest_log_blocks import SECTIONS_WITH_BLOCKS, Block, blocks_of
from triage.model.outcome import Outcome, Phase
from triage.text.pattern import pattern

_HEAD_BYTES = 64 * 1024
"""So much is read to learn whether lines have a CI system's time stamps."""
_PHASES_IN_ORDER = (Phase.COLLECT, Phase.SETUP, Phase.CALL, Phase.TEARDOWN)
_OUTCOMES = {
    "PASSED": Outcome.PASSED,
    "FAILED": Outcome.FAILED,
    "ERROR": Outcome.ERROR,
    "SKIPPED": Outcome.SKIPPED,
    "XFAIL": Outcome.XFAILED,
    "XPASS": Outcome.XPASSED,
}
_COUNTED_WITHOUT_NAMES = {
    "passed": Outcome.PASSED,
    "skipped": Outcome.SKIPPED,
    "xfailed": Outcome.XFAILED,
    "xpassed": Outcome.XPASSED,
}
"""What the totals count and a quiet run does not name."""

_LINE_OF_PYTEST = pattern(
    r"""
      ^ =+[ ] (?: test[ ]session[ ]starts | FAILURES | ERRORS | short[ ]test[ ]summary[ ]info ) [ ]=+ $
    | ^ =+[ ] \d+[ ] (?: passed | failed | error | skipped ) .* [ ]=+ $      # the totals
    | ^ _{3,}[ ] .+ [ ]_{3,} $                                              # the heading of a failure
    | ^ (?: FAILED | ERROR ) [ ] \S+ (?: ::\S+ )? (?: [ ]-[ ].* )? $         # a line of the summary
    """,
    matches=[
        "==== test session starts ====",
        "collected 2 items\n=== 1 passed, 1 failed in 0.10s ===",
        "____ TestCart.test_total ____",
        "FAILED tests/test_a.py::test_b - assert 1 == 2",
    ],
    rejects=["PASSED all good, says nobody", "FAILED to connect to the server", "== 2 apples =="],
    flags=re.MULTILINE,
)
_SECTION = re.compile(r"^={2,} (?P<title>.+?) =+$")
_TOTAL = pattern(
    r"""
    (?P<count> \d+ ) [ ]
    (?P<what> failed | passed | skipped | errors? | xfailed | xpassed | deselected | warnings? ) \b
    """,
    matches=["1 passed", "12 xfailed", "2 errors"],
    rejects=["1 apple", "passed"],
)
_LAST_LINE = pattern(
    r"""
      ^ (?: =+[ ] )?
        (?: \d{1,9} [ ] [a-z]+ (?: [ ] [a-z]+ )? (?: ,[ ] )? ){1,20}     # 2 failed, 3 passed, 1 rerun
        [ ]in[ ] [\d.]+ s (?: [ ] \( [\d:]+ \) )? (?: [ ]=+ )? $         # in 75.02s (0:01:15)
    | ^ =+[ ] no[ ]tests[ ]ran[ ] .* =+ $
    """,
    matches=[
        "== 2 failed, 3 passed in 0.12s ==",
        "1 passed in 75.02s (0:01:15)",
        "=== no tests ran in 0.01s ===",
    ],
    rejects=["== FAILURES ==", "passed in 0.1s", "took 3 passed in a row"],
    how="match",
)
_VERBOSE = pattern(
    r"""
      ^ \[gw\d+\] [ ] \[ [ ]* \d+% \] [ ] (?P<word> [A-Z]+ ) [ ] (?P<after> \S .*? :: .+? ) \s* $   # xdist
    | ^ (?P<before> \S .*? :: .+? ) [ ] (?P<result> PASSED | FAILED | ERROR | SKIPPED | XFAIL | XPASS )
        (?: [ ] \( .* \) )?                                                                     # the reason
        (?: [ ]+ \[ [ ]* \d+% \] )? \s* $
    """,
    matches=[
        "tests/test_a.py::test_b PASSED   [ 50%]",
        "tests/test_a.py::test_b SKIPPED (no network) [100%]",
        "[gw0] [ 50%] PASSED tests/test_a.py::test_b",
    ],
    rejects=["tests/test_a.py::test_b", "tests/test_a.py .F", "PASSED tests/test_a.py::test_b"],
    how="match",
)
_STARTED = re.compile(r"^(?P<nodeid>\S+\.py::\S.*?)\s*$")
_SUMMARY = re.compile(r"^(?P<word>FAILED|ERROR|XFAIL|XPASS|PASSED) (?P<rest>\S.*)$")
_STOPPED = re.compile(r"^!{3,} (?P<why>.+?) !{3,}$")
_DIED = pattern(
    r"""
      ^ Fatal[ ]Python[ ]error:[ ] (?P<why> .+ ) $
    | ^ (?P<signal> Segmentation[ ]fault | Aborted | Killed | Bus[ ]error ) \b
    """,
    matches=["Fatal Python error: Segmentation fault", "Killed", "Aborted (core dumped)"],
    rejects=["Error: Killed", "Killedeer"],
    how="match",
)


@dataclass
class _Log:
    """What the lines of a log say, before it is put together."""

    blocks: list[Block] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """Of a verbose run, by node id."""
    summary: list[tuple[str, str]] = field(default_factory=list)
    """Word and node id of each line of the short summary."""
    reasons: dict[str, str] = field(default_factory=dict)
    """What the summary says of a test behind its name."""
    totals: Counter[str] = field(default_factory=Counter)
    ended: bool = False
    running: str = ""
    """The test whose name stands at the end of the log without an outcome."""
    died: str = ""
    """How the process died, where the log says so."""


def recognizes_pytest_log(head: FileHead) -> bool:
    """Whether a line is one of pytest's headings, totals or summaries."""
    return _LINE_OF_PYTEST.search(head.log) is not None


def read_pytest_log(stream: BinaryIO, *, limits: Limits, notes: Notes) -> Iterator[ImportedTest]:
    """Read every test that the log names: those with a block first, then those with an outcome only."""
    log = _read(stream, limits, notes)
    if not log.ended:
        notes.cut_short("the log has no line of totals")
    names = _Names(log.summary)
    blocks_by_test: dict[tuple[str, bool], list[Block]] = {}
    for block in log.blocks:
        key = (names.of(block), block.phase is Phase.COLLECT)
        blocks_by_test.setdefault(key, []).append(block)
    for (nodeid, is_collection_error), blocks in blocks_by_test.items():
        yield _with_blocks(nodeid, blocks, is_collection_error)
    named = {nodeid for nodeid, _ in blocks_by_test}
    for nodeid, outcome in log.outcomes.items():
        if nodeid not in named:
            named.add(nodeid)
            yield _without_blocks(nodeid, outcome, log, is_collection_error=False)
    for word, nodeid in log.summary:
        if nodeid not in named:
            named.add(nodeid)
            log.outcomes[nodeid] = _OUTCOMES[word]
            yield _without_blocks(nodeid, _OUTCOMES[word], log, is_collection_error="::" not in nodeid)
    if log.died and log.running and log.running not in named:
        yield _crashed(log)
    _count_unnamed(log, notes)


def _read(stream: BinaryIO, limits: Limits, notes: Notes) -> _Log:
    log = _Log()
    section = ""
    lines: list[str] = []
    for line in _lines(stream, limits, notes):
        heading = _SECTION.match(line)
        is_last_line = _LAST_LINE.match(line) is not None
        if is_last_line:
            log.ended = True
            for total in _TOTAL.finditer(line):
                log.totals[total["what"]] += int(total["count"])
        if heading or (is_last_line and section != "test session starts"):
            log.blocks.extend(blocks_of(section, lines))
            section = heading["title"] if heading else ""
            lines = []
        elif section in SECTIONS_WITH_BLOCKS:
            lines.append(line)
        elif stopped := _STOPPED.match(line):
            notes.cut_short(stopped["why"][:200])
        elif section == "short test summary info" or (not section and _SUMMARY.match(line)):
            _read_summary_line(line, log)
        else:
            _read_progress_line(line, log)
    log.blocks.extend(blocks_of(section, lines))
    return log


def _lines(stream: BinaryIO, limits: Limits, notes: Notes) -> Iterator[str]:
    head = as_utf8(stream).read(_HEAD_BYTES).decode("utf-8-sig", "replace")
    bare = unprefixed(cleaned(head))
    stream.seek(0)
    for raw in raw_lines(stream, limits=limits, notes=notes):
        text = cleaned(raw.decode("utf-8", "replace").rstrip("\r\n"))
        for line in text.split("\n"):  # a bar that a progress display overwrites is a line for each state
            yield bare(line)


def _read_summary_line(line: str, log: _Log) -> None:
    found = _SUMMARY.match(line)
    if found is None:
        return
    rest = found["rest"]
    nodeid = rest.partition(" - ")[0]
    if "[" in nodeid:
        # A parameter may have ` - ` in it: the name ends behind the last bracket.
        end = rest.rfind("] - ") + 1
        nodeid = rest[:end] if end else nodeid
    reason = rest[len(nodeid) :].removeprefix(" - ").strip()
    log.summary.append((found["word"], nodeid.strip()))
    log.reasons.setdefault(nodeid.strip(), reason)


def _read_progress_line(line: str, log: _Log) -> None:
    if verbose := _VERBOSE.match(line):
        word = verbose["word"] or verbose["result"]
        nodeid = verbose["after"] or verbose["before"]
        if word in _OUTCOMES:
            log.outcomes[nodeid.strip()] = _OUTCOMES[word]
        log.running = ""
    elif died := _DIED.match(line):
        log.died = died["why"] or died["signal"]
    elif not log.died and (started := _STARTED.match(line)):
        log.running = started["nodeid"]


class _Names:
    """Finds node ids for the headings of failures, in the summary where there is one."""

    def __init__(self, summary: list[tuple[str, str]]) -> None:
        self._by_heading: dict[str, deque[str]] = {}
        for _, nodeid in summary:
            nodeids = self._by_heading.setdefault(heading_of(nodeid), deque())
            if nodeid not in nodeids:
                nodeids.append(nodeid)

    def of(self, block: Block) -> str:
        """By heading, in order; two tests of one name in two files are told apart by the file shown."""
        if block.phase is Phase.COLLECT:
            return block.heading
        nodeids = self._by_heading.get(block.heading)
        if nodeids:
            in_shown_file = (nodeid for nodeid in nodeids if nodeid.partition("::")[0] in block.text)
            return next(in_shown_file, nodeids[0])
        file = block.first_test_file()
        if not file:
            return block.heading
        head, bracket, parameters = block.heading.partition("[")
        return "::".join([file, *head.split(".")]) + bracket + parameters


def heading_of(nodeid: str) -> str:
    """The heading that pytest gives a failure: `TestB.test_c[d]` of `tests/test_a.py::TestB::test_c[d]`."""
    head, bracket, parameters = nodeid.partition("[")
    return ".".join(head.split("::")[1:]) + bracket + parameters


def _with_blocks(nodeid: str, blocks: list[Block], is_collection_error: bool) -> ImportedTest:
    """A test may have several blocks: its call, its teardown, its subtests."""
    in_order = sorted(blocks, key=lambda block: _PHASES_IN_ORDER.index(block.phase))
    failures = tuple(
        ImportedFailure(
            text=block.text,
            phase=block.phase,
            subtest=block.subtest,
            stdout=block.captured("stdout"),
            stderr=block.captured("stderr"),
            log=block.captured("log"),
        )
        for block in in_order
    )
    failed = any(block.phase is Phase.CALL for block in blocks)
    return ImportedTest(
        name=ImportedName(nodeid=nodeid),
        outcome=Outcome.FAILED if failed else Outcome.ERROR,
        failures=failures,
        is_collection_error=is_collection_error,
        source="log",
    )


def _without_blocks(nodeid: str, outcome: Outcome, log: _Log, *, is_collection_error: bool) -> ImportedTest:
    """A test of which the log has an outcome and at most a reason: `--tb=no`, `--tb=line`."""
    reason = log.reasons.get(nodeid) or "the log has no more of it than its name"
    failures = (ImportedFailure(message=reason),) if outcome.is_red else ()
    return ImportedTest(
        name=ImportedName(nodeid=nodeid),
        outcome=outcome,
        failures=failures,
        is_collection_error=is_collection_error,
        source="log",
    )


def _crashed(log: _Log) -> ImportedTest:
    failure = ImportedFailure(exception="Crashed", message=f"the process died: {log.died}")
    return ImportedTest(
        name=ImportedName(nodeid=log.running), outcome=Outcome.CRASHED, failures=(failure,), source="log"
    )


def _count_unnamed(log: _Log, notes: Notes) -> None:
    named = Counter(log.outcomes.values())
    for what, outcome in _COUNTED_WITHOUT_NAMES.items():
        missing = log.totals[what] - named[outcome]
        if missing > 0:
            notes.drop(f"tests that {what} without being named", missing)

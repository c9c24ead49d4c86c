"""pytest's terminal output: failures and errors with their representation and captured output, outcomes where
the run was verbose, node ids from the short summary. What a log cannot tell (names of tests that passed
quietly) is counted and not invented.
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
from triage.formats.pytest_log_sections import Block, blocks_of
from triage.model.outcome import Outcome, Phase
from triage.text.pattern import pattern

_SECTION = re.compile(r"^={2,} (?P<title>.+?) =+$")
_TOTALS = re.compile(
    r"(?P<count>\d+) (?P<what>failed|passed|skipped|errors?|xfailed|xpassed|deselected|warnings?)\b"
)
_FINAL = re.compile(
    r"^(?:=+ )?(?:\d{1,9} [a-z]+(?: [a-z]+)?(?:, )?){1,20} in [\d.]+s(?: \([\d:]+\))?(?: =+)?$"
    r"|^=+ no tests ran .*=+$"
)
_WORDS = {
    "PASSED": Outcome.PASSED, "FAILED": Outcome.FAILED, "ERROR": Outcome.ERROR, "SKIPPED": Outcome.SKIPPED,
    "XFAIL": Outcome.XFAILED, "XPASS": Outcome.XPASSED,
}  # fmt: skip
_VERBOSE = re.compile(
    r"^(?:\[gw\d+\] \[ *\d+%\] (?P<word>[A-Z]+) (?P<there>\S.*?::.+?)"
    r"|(?P<nodeid>\S.*?::.+?) (?P<result>PASSED|FAILED|ERROR|SKIPPED|XFAIL"
    r"|XPASS)(?: \(.*\))?(?: +\[ *\d+%\])?)\s*$"
)
_STARTED = re.compile(r"^(?P<nodeid>\S+\.py::\S.*?)\s*$")
_SUMMARY = re.compile(r"^(?P<word>FAILED|ERROR|XFAIL|XPASS|PASSED) (?P<rest>\S.*)$")
_STOPPED = re.compile(r"^!{3,} (?P<why>.+?) !{3,}$")
_DIED = re.compile(
    r"^Fatal Python error: (?P<why>.+)$|^(?P<signal>Segmentation fault|Aborted|Killed|Bus error)\b"
)
_HEAD_BYTES = 64 * 1024
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
_ORDER = (Phase.COLLECT, Phase.SETUP, Phase.CALL, Phase.TEARDOWN)
_QUIET = {
    "passed": Outcome.PASSED,
    "skipped": Outcome.SKIPPED,
    "xfailed": Outcome.XFAILED,
    "xpassed": Outcome.XPASSED,
}


@dataclass
class _Log:
    blocks: list[Block] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    summary: list[tuple[str, str]] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    """What the summary says of a test behind its name."""
    totals: Counter[str] = field(default_factory=Counter)
    ended: bool = False
    running: str = ""
    died: str = ""


def recognizes_pytest_log(head: FileHead) -> bool:
    """Whether a line is one of pytest's headings, totals or summaries."""
    return _LINE_OF_PYTEST.search(head.log) is not None


def read_pytest_log(stream: BinaryIO, *, limits: Limits, notes: Notes) -> Iterator[ImportedTest]:
    """Every test that the log names."""
    log = _read(stream, limits, notes)
    if not log.ended:
        notes.cut_short("the log has no line of totals")
    names = _Names(log.summary)
    failed: dict[tuple[str, bool], list[Block]] = {}
    for block in log.blocks:
        failed.setdefault((names.of(block), block.phase is Phase.COLLECT), []).append(block)
    for (nodeid, collection), blocks in failed.items():
        yield _failed(nodeid, sorted(blocks, key=lambda block: _ORDER.index(block.phase)), collection)
    told = {nodeid for nodeid, _ in failed}
    for nodeid, outcome in log.outcomes.items():
        if nodeid not in told:
            told.add(nodeid)
            failures = (_summarised(nodeid, log),) if outcome.is_red else ()
            yield ImportedTest(
                name=ImportedName(nodeid=nodeid), outcome=outcome, failures=failures, source="log"
            )
    for word, nodeid in log.summary:
        if nodeid not in told:
            told.add(nodeid)
            log.outcomes[nodeid] = _WORDS[word]
            yield _of_summary(word, nodeid, log)
    if log.died and log.running and log.running not in told:
        yield _crashed(log)
    _count_unnamed(log, told, notes)


def _read(stream: BinaryIO, limits: Limits, notes: Notes) -> _Log:
    log, section, lines = _Log(), "", []  # type: ignore[var-annotated]  # of strings
    for line in _lines(stream, limits, notes):
        found = _SECTION.match(line)
        if _FINAL.match(line):
            log.ended = True
            log.totals.update({m["what"]: int(m["count"]) for m in _TOTALS.finditer(line)})
        if found or (_FINAL.match(line) and section != "test session starts"):
            log.blocks.extend(blocks_of(section, lines))
            section, lines = (found["title"] if found else ""), []
        elif section in ("FAILURES", "ERRORS"):
            lines.append(line)
        elif stopped := _STOPPED.match(line):
            notes.cut_short(stopped["why"][:200])
        elif section == "short test summary info" or (not section and _SUMMARY.match(line)):
            _summary_line(line, log)
        else:
            _progress_line(line, log)
    log.blocks.extend(blocks_of(section, lines))
    return log


def _lines(stream: BinaryIO, limits: Limits, notes: Notes) -> Iterator[str]:
    head = as_utf8(stream).read(_HEAD_BYTES).decode("utf-8-sig", "replace")
    bare = unprefixed(cleaned(head))
    stream.seek(0)
    for raw in raw_lines(stream, limits=limits, notes=notes):
        text = cleaned(raw.decode("utf-8", "replace").rstrip("\r\n"))
        for line in text.split("\n"):
            yield bare(line)


def _summary_line(line: str, log: _Log) -> None:
    found = _SUMMARY.match(line)
    if found is None:
        return
    rest = found["rest"]
    bracket = rest.rfind("] - ") + 1 if "[" in rest.partition(" - ")[0] else 0
    nodeid = rest[:bracket] if bracket else rest.partition(" - ")[0]
    log.summary.append((found["word"], nodeid.strip()))
    log.reasons.setdefault(nodeid.strip(), rest[len(nodeid) :].removeprefix(" - ").strip())


def _progress_line(line: str, log: _Log) -> None:
    if found := _VERBOSE.match(line):
        word, nodeid = found["word"] or found["result"], found["there"] or found["nodeid"]
        if word in _WORDS:
            log.outcomes[nodeid.strip()] = _WORDS[word]
        log.running = ""
    elif found := _DIED.match(line):
        log.died = found["why"] or found["signal"]
    elif (found := _STARTED.match(line)) and not log.died:
        log.running = found["nodeid"]


class _Names:
    """Node ids of failure headings, from the summary where there is one."""

    def __init__(self, summary: list[tuple[str, str]]) -> None:
        self._known: dict[str, deque[str]] = {}
        self.listed = {nodeid for _, nodeid in summary}
        for _, nodeid in summary:
            waiting = self._known.setdefault(heading_of(nodeid), deque())
            if nodeid not in waiting:
                waiting.append(nodeid)

    def of(self, block: Block) -> str:
        """By heading, in order; two tests of one name in two files are told apart by the file shown."""
        if block.phase is Phase.COLLECT:
            return block.heading
        waiting = self._known.get(block.heading)
        if waiting:
            return next((nodeid for nodeid in waiting if nodeid.partition("::")[0] in block.text), waiting[0])
        head, bracket, parameters = block.heading.partition("[")
        file = block.first_test_file()
        if file:
            return "::".join([file, *head.split(".")]) + bracket + parameters
        return block.heading


def heading_of(nodeid: str) -> str:
    """`TestB.test_c[d]` of `tests/test_a.py::TestB::test_c[d]`."""
    head, bracket, parameters = nodeid.partition("[")
    return ".".join(head.split("::")[1:]) + bracket + parameters


def _failed(nodeid: str, blocks: list[Block], collection: bool) -> ImportedTest:
    """A test may have several blocks: its call, its teardown, its subtests."""
    return ImportedTest(
        name=ImportedName(nodeid=nodeid),
        outcome=Outcome.FAILED if any(block.phase is Phase.CALL for block in blocks) else Outcome.ERROR,
        failures=tuple(
            ImportedFailure(
                text=block.text,
                phase=block.phase,
                subtest=block.subtest,
                stdout=block.stdout,
                stderr=block.stderr,
                log=block.log,
            )
            for block in blocks
        ),
        is_collection_error=collection,
        source="log",
    )


def _summarised(nodeid: str, log: _Log) -> ImportedFailure:
    """A failure of which no block is shown: `--tb=no`, `--tb=line`."""
    return ImportedFailure(message=log.reasons.get(nodeid) or "the log has no more of it than its name")


def _of_summary(word: str, nodeid: str, log: _Log) -> ImportedTest:
    outcome = _WORDS[word]
    return ImportedTest(
        name=ImportedName(nodeid=nodeid),
        outcome=outcome,
        failures=(_summarised(nodeid, log),) if outcome.is_red else (),
        is_collection_error="::" not in nodeid,
        source="log",
    )


def _crashed(log: _Log) -> ImportedTest:
    failure = ImportedFailure(exception="Crashed", message=f"the process died: {log.died}")
    return ImportedTest(
        name=ImportedName(nodeid=log.running), outcome=Outcome.CRASHED, failures=(failure,), source="log"
    )


def _count_unnamed(log: _Log, told: set[str], notes: Notes) -> None:
    named = Counter(log.outcomes.values())
    for what, outcome in _QUIET.items():
        missing = log.totals[what] - named[outcome]
        if missing > 0:
            notes.drop(f"tests that {what} without being named", missing)

"""Read pytest's terminal output.

Failures and errors come with their representation and captured output, outcomes where the run was verbose,
node ids from the short summary. What a log cannot tell (names of tests that passed quietly) is counted, not
invented. The log is read twice: first for the lines that may divide it, which `pytest_log_sessions.py` tells
from what tests printed, then for what is between them.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple, TypeVar

from triage.formats.completeness import Tally, of_number, shortfall
from triage.formats.file_head import FileHead
from triage.formats.imported_test import ImportedFailure, ImportedName, ImportedTest
from triage.formats.input_text import as_utf8, cleaned, raw_lines, unprefixed
from triage.formats.limits import Limits, Notes
from triage.formats.pytest_log_blocks import Block, BlockReader
from triage.formats.pytest_log_lines import START, SUMMARY, Mark, mark_of, totals_of
from triage.formats.pytest_log_progress import OUTCOMES, Progress, finished_red
from triage.formats.pytest_log_sessions import (
    SECTIONS_WITH_BLOCKS,
    Session,
    blocks_in,
    is_stop,
    lines_of_plugins,
    sessions_of,
)
from triage.formats.pytest_log_summary import LINE_OF_SUMMARY, NamesOfBlocks, Summary, names_in_headings
from triage.model.outcome import Outcome, Phase
from triage.text.pattern import pattern

_HEAD_BYTES = 64 * 1024
"""So much is read to learn whether lines have a CI system's time stamps."""
_MOST_MARKS = 200_000
"""Lines that may divide a log, which are kept in memory: a real one has a few for each failure."""
_PHASES_IN_ORDER = (Phase.COLLECT, Phase.SETUP, Phase.CALL, Phase.TEARDOWN)
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
_COLLECTED = pattern(
    r"""
      ^ (?: collecting [ ] \.\.\. [ ] )? collected [ ] (?P<items> \d+ ) [ ] items?
        (?: [ ]/[ ] \d+ [ ] (?: errors? | skipped ) )*
        (?: [ ]/[ ] (?P<deselected> \d+ ) [ ] deselected )?
        (?: [ ]/[ ] \d+ [ ] (?: errors? | skipped | selected ) )* \s* $
    | ^ \d+ [ ] workers? [ ] \[ (?P<shared> \d+ ) [ ] items? \] $                   # pytest-xdist
    """,
    matches=[
        "collected 5 items",
        "collecting ... collected 5 items / 2 deselected / 3 selected",
        "collected 5 items / 1 error",
        "2 workers [4 items]",
    ],
    rejects=["collected 5 stamps", "2 workers"],
    how="match",
)


_Row = TypeVar("_Row", bound=tuple[Any, ...])


class Line(NamedTuple):
    """A line of the log, without escapes and a CI system's prefix."""

    number: int
    text: str
    is_whole: bool
    """Whether it ended before the log did."""


@dataclass
class _Outline:
    """The first reading."""

    marks: list[Mark] = field(default_factory=list)
    summary_lines: list[tuple[int, str]] = field(default_factory=list)
    verbose_failures: list[tuple[int, str, str]] = field(default_factory=list)
    """Line, word and node id."""
    lines: int = 0

    @property
    def size(self) -> int:
        """How many lines are kept."""
        return len(self.marks) + len(self.summary_lines) + len(self.verbose_failures)


@dataclass
class _Content:
    """What one session says, before it is put together."""

    session: Session
    summary: Summary
    block_lines: dict[int, Mark]
    lines_of_plugins: set[int]
    marks: dict[int, Mark]
    blocks: BlockReader = field(default_factory=BlockReader)
    progress: Progress = field(default_factory=Progress)
    was_stopped: bool = False
    """By a person, `-x` or errors of the collection, as one of the last lines says."""
    selected: int = 0
    """How many tests pytest was to run, as its header says."""

    @property
    def totals(self) -> Counter[str]:
        """What the last line counts."""
        return totals_of(self.session.totals.title) if self.session.totals else Counter()


def recognizes_pytest_log(head: FileHead) -> bool:
    """Whether a line is one of pytest's headings, totals or summaries."""
    return _LINE_OF_PYTEST.search(head.log) is not None


def read_pytest_log(stream: BinaryIO, *, limits: Limits, notes: Notes) -> Iterator[ImportedTest]:
    """Read every test that the log names: those with a block first, then those with an outcome only."""
    outline = _outline(stream, limits, notes)
    sessions = sessions_of(outline.marks, outline.lines) or [Session(0, outline.lines, has_header=False)]
    contents = [_content(session, outline) for session in sessions]
    _read(stream, contents, limits, notes)
    for content in contents:
        tests = list(_tests(content))
        yield from tests
        _compare_counts(content, tests, notes)


def _outline(stream: BinaryIO, limits: Limits, notes: Notes) -> _Outline:
    outline = _Outline()
    for line in _lines(stream, limits, notes):
        outline.lines = line.number
        if mark := mark_of(line.number, line.text):
            outline.marks.append(mark)
        elif LINE_OF_SUMMARY.match(line.text):
            outline.summary_lines.append((line.number, line.text))
        elif failed := finished_red(line.text):
            outline.verbose_failures.append((line.number, *failed))
        if outline.size > _MOST_MARKS:
            notes.cut_short(f"what lies behind {_MOST_MARKS:,} lines that may be headings was not read")
            break
    return outline


def _content(session: Session, outline: _Outline) -> _Content:
    """The frame of a session: its summary, and by it the failures that are its own."""
    summary = Summary()
    has_headings = bool(session.sections)
    for number, text in _within(session, outline.summary_lines):
        in_summary = session.section_at(number) == SUMMARY
        if session.owns(number) and (in_summary or not has_headings):
            summary.take(text)
    blocks = blocks_in(session, _expected(session, summary, outline))
    marks = {mark.line: mark for mark in session.marks}
    return _Content(session, summary, blocks, lines_of_plugins(session, blocks), marks)


def _within(session: Session, rows: Sequence[_Row]) -> Sequence[_Row]:
    """The rows, which begin with their line, of a session and of those within it."""
    first = bisect_left(rows, session.first, key=lambda row: row[0])
    last = bisect_right(rows, session.last, key=lambda row: row[0])
    return rows[first:last]


def _expected(session: Session, summary: Summary, outline: _Outline) -> dict[str, list[frozenset[str]]]:
    """Whose failures are to come, by section: as the summary tells, or else the progress of a verbose run."""
    if session.totals is None:
        return {}
    totals = totals_of(session.totals.title)
    progress = [
        (word, nodeid)
        for number, word, nodeid in _within(session, outline.verbose_failures)
        if session.owns(number) and session.section_at(number) in ("", START)
    ]
    expected: dict[str, list[frozenset[str]]] = {}
    for section, word, number in (("FAILURES", "FAILED", "failed"), ("ERRORS", "ERROR", "error")):
        in_progress = [nodeid for own, nodeid in progress if own == word]
        for nodeids in (summary.nodeids(word), in_progress):
            if len(nodeids) == totals[number]:
                expected[section] = names_in_headings(nodeids)
                break
    return expected


def _lines(stream: BinaryIO, limits: Limits, notes: Notes) -> Iterator[Line]:
    head = as_utf8(stream).read(_HEAD_BYTES).decode("utf-8-sig", "replace")
    bare = unprefixed(cleaned(head))
    stream.seek(0)
    number = 0
    for raw in raw_lines(stream, limits=limits, notes=notes):
        text = cleaned(raw.decode("utf-8", "replace").rstrip("\r\n"))
        for part in text.split("\n"):  # a bar that a progress display overwrites is a line for each state
            yield Line(number, bare(part), is_whole=raw.endswith(b"\n"))
            number += 1


def _read(stream: BinaryIO, contents: list[_Content], limits: Limits, notes: Notes) -> None:
    """The second reading: give each line to what it is in."""
    stream.seek(0)
    waiting = iter(contents)
    content = next(waiting, None)
    for line in _lines(stream, limits, notes):
        while content is not None and line.number > content.session.last:
            content = next(waiting, None)
        if content is None:
            return
        if content.session.owns(line.number):
            _take(content, line, notes)
        elif content.session.section_at(line.number) in SECTIONS_WITH_BLOCKS:
            content.blocks.take(line.text, None)  # the log of another session, which a test printed


def _take(content: _Content, line: Line, notes: Notes) -> None:
    section = content.session.section_at(line.number)
    mark = content.marks.get(line.number)
    if line.number in content.block_lines:
        content.blocks.open(content.block_lines[line.number].title)
    elif mark is not None and (mark is content.session.totals or mark in content.session.sections):
        content.blocks.close()
    elif mark is not None and is_stop(content.session, mark):
        content.was_stopped = True
        notes.cut_short(mark.title[:200])
        content.blocks.close()
    elif section in SECTIONS_WITH_BLOCKS:
        if line.number in content.lines_of_plugins:
            content.blocks.close()
        content.blocks.take(line.text, mark)
    elif section in ("", START) and line.number not in content.lines_of_plugins:
        if collected := _COLLECTED.match(line.text):
            items = int(collected["items"] or collected["shared"])
            content.selected = items - int(collected["deselected"] or 0)
            content.progress.is_distributed = bool(collected["shared"])
        content.progress.take(line.text, is_whole=line.is_whole)


def _tests(content: _Content) -> Iterator[ImportedTest]:
    progress, summary = content.progress, content.summary
    outcomes = progress.outcomes()
    names = NamesOfBlocks(summary, outcomes)
    blocks_by_test: dict[tuple[str, bool], list[Block]] = {}
    for block in content.blocks.blocks:
        key = (names.of(block), block.phase is Phase.COLLECT)
        blocks_by_test.setdefault(key, []).append(block)
    for (nodeid, is_collection_error), blocks in blocks_by_test.items():
        yield _with_blocks(nodeid, blocks, is_collection_error)
    named = {nodeid for nodeid, _ in blocks_by_test}
    from_summary = {nodeid: OUTCOMES[word] for word, nodeid in summary.rows if word in OUTCOMES}
    for nodeid, outcome in {**from_summary, **outcomes}.items():
        if nodeid not in named:
            named.add(nodeid)
            is_collection_error = "::" not in nodeid
            yield _without_blocks(nodeid, outcome, summary, is_collection_error=is_collection_error)
    if content.session.totals is None:
        yield from _cut_off(progress, named)
    elif content.was_stopped:
        yield from _interrupted(progress, named)


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


def _without_blocks(
    nodeid: str, outcome: Outcome, summary: Summary, *, is_collection_error: bool
) -> ImportedTest:
    """A test of which the log has an outcome and at most a reason: `--tb=no`, `--tb=line`."""
    reason = summary.reasons.get(nodeid)
    failures = (ImportedFailure(message=reason),) if reason and outcome.has_failures else ()
    return ImportedTest(
        name=ImportedName(nodeid=nodeid),
        outcome=outcome,
        failures=failures,
        is_collection_error=is_collection_error,
        source="log",
    )


def _cut_off(progress: Progress, named: set[str]) -> Iterator[ImportedTest]:
    """The tests that ran when the log ends; of one process it is the last that began."""
    running = [nodeid for nodeid in progress.running if nodeid not in named]
    if not running and progress.has_ended_badly:
        shown = progress.named_by_stack()
        running = [shown] if shown and shown not in named else []
    outcome, end = progress.end_of()
    text = "\n".join([end.message, *progress.last_words])
    for nodeid in running:
        failure = ImportedFailure(text=text, chain=(end,))
        yield ImportedTest(
            name=ImportedName(nodeid=nodeid),
            outcome=outcome,
            failures=(failure,),
            note=end.message,
            source="log",
        )


def _interrupted(progress: Progress, named: set[str]) -> Iterator[ImportedTest]:
    for nodeid in progress.running:
        if nodeid not in named:
            name, note = ImportedName(nodeid=nodeid), "it was running when the session was stopped"
            yield ImportedTest(name=name, outcome=Outcome.NOT_RUN, note=note, source="log")


def _compare_counts(content: _Content, tests: list[ImportedTest], notes: Notes) -> None:
    """What the session counts in its header and its totals, against what it names."""
    totals = content.totals
    if content.session.totals is None:
        where = f"; {content.progress.open_file} ran last" if content.progress.open_file else ""
        notes.cut_short(f"the log has no line of totals{where}")
    if content.session.is_doubtful:
        notes.cut_short("another session begins in it, and one of the two has no line of totals")
    red = totals["failed"] + totals["error"]
    others = sum(totals[what] for what in _COUNTED_WITHOUT_NAMES)
    finished = content.session.totals is not None
    if finished and (missing := shortfall(Tally(tests=content.selected), Tally(tests=red + others))):
        notes.cut_short(missing)
    if red and not any(test.outcome.has_failures for test in tests):
        notes.cut_short(f"{of_number(red, 'failure')} without a name")
    named = Counter(Outcome.PASSED if test.outcome.is_flaky else test.outcome for test in tests)
    for what, outcome in _COUNTED_WITHOUT_NAMES.items():
        missing_names = totals[what] - named[outcome]
        if missing_names > 0:
            notes.drop(f"tests that {what} without being named", missing_names)

"""Tell pytest's sessions in a log apart, and the sections of each from what tests printed.

A test may print a heading, a line of totals, or the whole log of a session that it ran itself. So brackets
are matched (a session that begins within another ends within it), sections come in pytest's order, and what
pytest writes last, its summary and its totals, is the last of its kind.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest

from triage.formats.pytest_log_lines import RANKS, START, SUMMARY, Kind, Mark, width_of

SECTIONS_WITH_BLOCKS = ("ERRORS", "FAILURES")
Expected = Mapping[str, Sequence[frozenset[str]]]
"""For a section the failures that it must have, in order: of each the names that its heading may give."""


@dataclass
class Session:
    """One session: lines from `first` to `last`, which are its totals where it came to its end."""

    first: int
    last: int
    has_header: bool
    """Whether it began with pytest's first heading: a quiet session has none."""
    totals: Mark | None = None
    is_doubtful: bool = False
    """Another session begins in it, and it is not certain whose the totals are."""
    inner: list[Session] = field(default_factory=list)
    """Sessions whose log is in what its tests printed, in order."""
    marks: list[Mark] = field(default_factory=list)
    """Its own, without those of inner sessions."""
    sections: list[Mark] = field(default_factory=list)
    """The headings of its sections, in order."""
    rank: int = 0
    """Of the last section of pytest's own that it came to."""

    @cached_property
    def last_heading(self) -> int:
        """The last line of its own that divides it, but for its totals and the reason why it was stopped."""
        others = (mark for mark in self.marks if mark.kind is not Kind.STOP and mark is not self.totals)
        return max((mark.line for mark in others), default=-1)

    def owns(self, line: int) -> bool:
        """Whether a line is of this session and of none within it."""
        if not self.first <= line <= self.last:
            return False
        before = bisect_right(self.inner, line, key=lambda inner: inner.first)
        return before == 0 or line > self.inner[before - 1].last

    def section_at(self, line: int) -> str:
        """The title of the section that a line is in; empty before the first."""
        before = bisect_right(self.sections, line, key=lambda mark: mark.line)
        return self.sections[before - 1].title if before else ""


def sessions_of(marks: Sequence[Mark], lines: int) -> list[Session]:
    """Find the sessions of a log of so many lines, each with the headings of its sections."""
    width = width_of(marks)
    fitting = [mark for mark in marks if mark.fits(width)]
    sessions = _matched(fitting, lines)
    for session in sessions:
        first = bisect_left(fitting, session.first, key=lambda mark: mark.line)
        last = bisect_right(fitting, session.last, key=lambda mark: mark.line)
        session.marks = [mark for mark in fitting[first:last] if session.owns(mark.line)]
        session.sections = list(_sections(session.marks, {}))
    return sessions


def _matched(marks: Sequence[Mark], lines: int) -> list[Session]:
    """Match beginnings and totals like brackets."""
    done: list[Session] = []
    stack: list[Session] = []
    following = _following_headings(marks)
    for mark, next_heading in zip(marks, following, strict=True):
        is_start = mark.kind is Kind.SECTION and mark.title == START
        begins_quietly = not stack and mark.kind in (Kind.SECTION, Kind.TOTALS, Kind.STOP)
        if is_start or begins_quietly:
            behind_the_last = done[-1].last + 1 if done else 0
            stack.append(Session(mark.line if is_start else behind_the_last, lines, has_header=is_start))
        if mark.kind is Kind.SECTION:
            stack[-1].rank = max(stack[-1].rank, RANKS.get(mark.title, 0))
        elif mark.kind is Kind.TOTALS and _ends(stack, mark, next_heading):
            session = stack.pop()
            session.last, session.totals = mark.line, mark
            (stack[-1].inner if stack else done).append(session)
    if stack:
        done.append(_unfinished(stack[0], marks))
    return done


def _following_headings(marks: Sequence[Mark]) -> list[Mark | None]:
    """For each mark the next heading of a section or a failure behind it."""
    found: list[Mark | None] = []
    following: Mark | None = None
    for mark in reversed(marks):
        found.append(following)
        if mark.kind in (Kind.SECTION, Kind.BLOCK):
            following = mark
    return found[::-1]


def _ends(stack: Sequence[Session], totals: Mark, next_heading: Mark | None) -> bool:
    """Whether totals end the innermost session, and are not what a test printed."""
    session = stack[-1]
    is_bare = totals.fill == 0
    if is_bare and session.has_header:
        return False  # a session that is not quiet frames its totals
    is_inner = len(stack) > 1
    if is_inner or next_heading is None or next_heading.title == START:
        return True
    starts_again = 0 < RANKS.get(next_heading.title, 0) <= session.rank
    return next_heading.kind is Kind.SECTION and starts_again


def _unfinished(session: Session, marks: Sequence[Mark]) -> Session:
    """A session without totals: it was cut, or a beginning that a test printed took them."""
    if not session.inner:
        return session
    last = session.inner[-1]
    if all(mark.line <= last.last for mark in marks):
        session.inner.pop()
        session.totals = last.totals
        session.is_doubtful = True
    return session


def _sections(marks: Sequence[Mark], expected: Expected) -> Iterator[Mark]:
    """The headings of sections: of equal titles the one that can be pytest's, all in pytest's order."""
    titles_of_blocks = {mark.line: mark.title for mark in marks if mark.kind is Kind.BLOCK}
    last_block = max(titles_of_blocks, default=0)
    chosen: dict[str, Mark] = {}
    for mark in marks:
        if mark.kind is not Kind.SECTION or mark.title not in RANKS:
            continue
        if mark.title == SUMMARY and mark.line < last_block:
            continue  # pytest shows no failure behind its summary
        if mark.title not in chosen:
            chosen[mark.title] = mark
        elif mark.title in SECTIONS_WITH_BLOCKS:
            before = chosen[mark.title]
            names = next(iter(expected.get(mark.title, ())), None)
            if _begins(mark, titles_of_blocks, names) and not _begins(before, titles_of_blocks, names):
                chosen[mark.title] = mark  # the first one that its first failure follows at once
        elif mark.title != START:
            chosen[mark.title] = mark  # the last one: earlier ones are in what tests printed
    rank = -1
    for mark in sorted(chosen.values(), key=lambda mark: mark.line):
        if RANKS[mark.title] > rank:
            rank = RANKS[mark.title]
            yield mark


def _begins(section: Mark, titles_of_blocks: Mapping[int, str], names: frozenset[str] | None) -> bool:
    """Whether the next line is the heading of a failure, and of the one that is expected first."""
    title = titles_of_blocks.get(section.line + 1)
    return title is not None and (names is None or _is_one_of(title, names))


def blocks_in(session: Session, expected: Expected) -> dict[int, Mark]:
    """The headings of failures by their line, where it is known whose failures are to come: those alone."""
    session.sections = list(_sections(session.marks, expected))
    headings = [mark for mark in session.sections if mark.title in SECTIONS_WITH_BLOCKS]
    found: dict[int, Mark] = {}
    for heading, following in zip_longest(headings, headings[1:]):
        end = following.line if following else session.last
        blocks = [
            mark for mark in session.marks if mark.kind is Kind.BLOCK and heading.line < mark.line <= end
        ]
        own = _expected_of(blocks, expected.get(heading.title))
        if own is None:
            own = [mark for mark in blocks if session.section_at(mark.line) == heading.title]
        _drop_sections_between(session, heading.line, max((mark.line for mark in own), default=heading.line))
        found |= {mark.line: mark for mark in own}
    return found


def _drop_sections_between(session: Session, heading: int, last_block: int) -> None:
    """A heading before the last failure of a section was printed by a test."""
    session.sections = [mark for mark in session.sections if not heading < mark.line < last_block]


def _expected_of(blocks: Sequence[Mark], expected: Sequence[frozenset[str]] | None) -> list[Mark] | None:
    """Those that come in the expected order; None where not all do, or it is not known what to expect."""
    if expected is None:
        return None
    in_order: list[Mark] = []
    for mark in blocks:
        if len(in_order) < len(expected) and _is_one_of(mark.title, expected[len(in_order)]):
            in_order.append(mark)
    return in_order if len(in_order) == len(expected) else None


def _is_one_of(heading: str, names: Collection[str]) -> bool:
    """Whether a heading is of one of the tests or files: `ERROR at setup of test_a`, `test_a [m] (i=1)`."""
    words = heading.removeprefix("[doctest] ")
    for prefix in ("ERROR at setup of ", "ERROR at teardown of ", "ERROR collecting "):
        words = words.removeprefix(prefix)
    if words in names:
        return True
    return any(words[:end] in names for end in range(len(words)) if words[end : end + 2] in (" [", " ("))


def is_stop(session: Session, mark: Mark) -> bool:
    """Whether a line says that the session was stopped: pytest writes it behind everything but its totals."""
    return mark.kind is Kind.STOP and mark.line > session.last_heading


def lines_of_plugins(session: Session, blocks: Collection[int]) -> set[int]:
    """The headings of sections that are not pytest's own, behind the last failure of their section.

    Before that they are what a test printed: its failures are not over.
    """
    known = {mark.line for mark in session.sections}
    last_block = max(blocks, default=0)
    return {
        mark.line
        for mark in session.marks
        if mark.kind is Kind.SECTION and mark.line not in known and mark.line > last_block
    }

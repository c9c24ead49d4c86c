"""Recognise the lines by which pytest divides its terminal output.

    =================================== FAILURES ===================================
    ___________________________________ test_a _____________________________________
    ----------------------------- Captured stdout call -----------------------------
    !!!!!!!!!!!!!!!!!!!!!!!!!! stopping after 1 failures !!!!!!!!!!!!!!!!!!!!!!!!!!!

Tests print lines like these, and whole logs of other sessions. pytest's own are as long as the terminal is
wide, and their title is in the middle to a character.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from triage.text.pattern import pattern

START = "test session starts"
SUMMARY = "short test summary info"
RANKS = {
    START: 0,
    "ERRORS": 1,
    "FAILURES": 2,
    "XFAILURES": 3,
    "warnings summary": 4,
    "PASSES": 5,
    "XPASSES": 6,
    "rerun test summary info": 7,
    SUMMARY: 8,
    "warnings summary (final)": 9,
}
"""Sections of pytest's own, in the order in which they come."""
_LONGEST_LINE = 1000
"""Characters of a line that divides: no terminal is wider."""
_TOTALS = pattern(
    r"""
      ( \d{1,9} [ ] [a-z]+ (?: [ ] [a-z]+ )? (?: ,[ ] )? ){1,20}      # 2 failed, 3 passed, 1 rerun
      [ ]in[ ] [\d.]+ s (?: [ ] \( [\d:]+ \) )?                          # in 75.02s (0:01:15)
    | no[ ]tests[ ]ran[ ]in[ ] [\d.]+ s
    """,
    matches=["2 failed, 3 passed in 0.12s", "1 passed in 75.02s (0:01:15)", "no tests ran in 0.01s"],
    rejects=["FAILURES", "passed in 0.1s", "took 3 passed in a row"],
    how="fullmatch",
)
_COUNTED = pattern(
    r"""
    (?P<count> \d+ ) [ ]
    (?P<what> failed | passed | skipped | errors? | xfailed | xpassed | deselected | warnings? ) \b
    """,
    matches=["1 passed", "12 xfailed", "2 errors"],
    rejects=["1 apple", "passed", "6 subtests passed"],
)


class Kind(Enum):
    """What a line divides."""

    SECTION = "="
    BLOCK = "_"
    STREAM = "-"
    STOP = "!"
    TOTALS = "totals"


_KINDS = {kind.value: kind for kind in (Kind.SECTION, Kind.BLOCK, Kind.STREAM, Kind.STOP)}


@dataclass(frozen=True)
class Mark:
    """A line that may divide pytest's output."""

    line: int
    """Its number in the log."""
    kind: Kind
    title: str
    length: int
    fill: int
    """Characters before the title; 0 for the totals of a quiet run, which are a line of their own."""

    def fits(self, width: int | None) -> bool:
        """Whether pytest wrote it on a terminal of this width; any does where the width is not known."""
        is_too_long_a_title = self.fill == 1 and width is not None and self.length >= width - 1
        return width is None or self.fill == 0 or self.length == width or is_too_long_a_title


def mark_of(number: int, line: str) -> Mark | None:
    """The mark that a line may be; None for the lines of which most logs consist."""
    character = line[:1]
    if len(line) > _LONGEST_LINE:
        return None
    if character.isdigit():
        return Mark(number, Kind.TOTALS, line, len(line), 0) if _TOTALS.fullmatch(line) else None
    kind = _KINDS.get(character)
    if kind is None or not line.endswith(character):
        return None
    title = line.strip(character)
    if not title.startswith(" ") or not title.endswith(" ") or not title.strip():
        return None
    left = len(line) - len(line.lstrip(character))
    right = len(line) - len(line.rstrip(character))
    if right - left not in (0, 1):
        return None  # pytest puts the odd character at the end
    title = title.strip()
    if kind is Kind.SECTION and _TOTALS.fullmatch(title):
        kind = Kind.TOTALS
    return Mark(number, kind, title, len(line), left)


def width_of(marks: Iterable[Mark]) -> int | None:
    """The width of the terminal: the length that most of pytest's own headings have.

    None where no two agree: somebody shortened them by hand, and any length will do.
    """
    lengths = Counter(mark.length for mark in marks if mark.kind is Kind.SECTION and mark.title in RANKS)
    if not lengths:
        return None
    ((length, times),) = lengths.most_common(1)
    return length if times > 1 or len(lengths) == 1 else None


def totals_of(title: str) -> Counter[str]:
    """Numbers of tests by pytest's word for their outcome; subtests are no tests."""
    totals: Counter[str] = Counter()
    for found in _COUNTED.finditer(title):
        word = re.sub("^(error|warning)s$", r"\1", found["what"])
        totals[word] += int(found["count"])
    return totals

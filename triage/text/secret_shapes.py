"""A table row that says what one kind of secret looks like, and how a text is searched by such rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from triage.text.mark import Span
from triage.text.pattern import pattern
from triage.text.vocabulary import Vocabulary, WordTest

_ESCAPE = re.compile(r"\\[nrt]|%[0-9A-Fa-f]{2}")
"""What stands for a line end in an escaped text, or for a sign in an address: behind it a word begins."""

_GLUED = re.compile(r"[A-Za-z0-9_-]*+")
"""What goes on behind a token without a break: where tokens are joined, no word begins at the next one."""


class Shape(NamedTuple):
    """What one kind of secret looks like."""

    kind: str
    hints: tuple[str, ...]
    """Every match contains one of these, which `in` finds many times faster than a pattern."""
    regex: re.Pattern[str]
    """Its group `secret`, or all that it matches, is the secret."""
    begins: bool
    """Whether a match begins with the hint, where a word begins; else it lies in the line of the hint."""
    is_secret: Callable[[str], bool] | None = None
    """What an expression cannot say of the secret itself; None where the form is enough."""


def shape(
    kind: str,
    hints: str,
    expression: str,
    *examples: str,
    innocent: str = "a word",
    begins: bool = True,
    flags: re.RegexFlag = re.NOFLAG,
    is_secret: Callable[[str], bool] | None = None,
) -> Shape:
    """Make a row; `hints` are separated by blanks, and `+` stands for a blank in one."""
    regex = pattern(expression, matches=examples, rejects=[innocent], flags=flags)
    return Shape(kind, tuple(hint.replace("+", " ") for hint in hints.split()), regex, begins, is_secret)


class ShapeFinder:
    """Finds secrets of many shapes: looks for those alone whose hints may be in a text."""

    def __init__(self, shapes: Iterable[Shape]) -> None:
        """Take the rows of a table."""
        rows = tuple(shapes)
        self._rows_of_hint: dict[str, list[Shape]] = {}
        for row in rows:
            for hint in row.hints:
                self._rows_of_hint.setdefault(hint, []).append(row)
        self._words = WordTest(self._rows_of_hint)

    def spans(self, text: str, vocabulary: Vocabulary) -> Iterator[Span]:
        """Yield where secrets stand."""
        for hint in self._words.possible(vocabulary):
            if hint in text:
                for row in self._rows_of_hint[hint]:
                    yield from (_at_words if row.begins else _in_lines)(row, hint, text)


def _at_words(row: Shape, hint: str, text: str) -> Iterator[Span]:
    """Yield what matches where a word begins with a hint."""
    position = text.find(hint)
    while position >= 0:
        match = row.regex.match(text, position) if _begins_word(text, position) else None
        if match is not None:
            yield from _spans(row, match)
        position = text.find(hint, position + 1 if match is None else max(match.end(), position + 1))


def _begins_word(text: str, position: int) -> bool:
    """Whether a word begins here: not behind a letter or digit, unless these belong to `\\n` or `%3D`."""
    if position == 0 or not text[position].isalnum() or not text[position - 1].isalnum():
        return True
    return _ESCAPE.fullmatch(text, max(0, position - 2), position) is not None or (
        _ESCAPE.fullmatch(text, max(0, position - 3), position) is not None
    )


def _in_lines(row: Shape, word: str, text: str) -> Iterator[Span]:
    """Yield what matches in the lines that hold a hint: most of a text is never looked at."""
    position = text.find(word)
    while position >= 0:
        start = text.rfind("\n", 0, position) + 1
        end = text.find("\n", position) + 1 or len(text)
        for match in row.regex.finditer(text, start, end):
            yield from _spans(row, match)
        position = text.find(word, end)


def _spans(row: Shape, match: re.Match[str]) -> Iterator[Span]:
    if "secret" in row.regex.groupindex:
        if row.is_secret is None or row.is_secret(match["secret"]):
            yield Span(*match.span("secret"), match.start())
        return
    glued = _GLUED.match(match.string, match.end())
    yield Span(match.start(), glued.end() if glued else match.end())

"""Secrets that a text itself gives away: found once beside a name, they are secrets wherever else they stand.

pytest shows a value first (`assert 'value' == 'x'`) and says later what it is (`where 'value' = a.password`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from triage.text.cut_values import cut_spans
from triage.text.mark import MARK_PATTERN, Span
from triage.text.secret_values import looks_random

_SHORTEST = 8
"""A shorter value may be a word that innocently stands elsewhere."""
_SHORTEST_QUOTED = 4
"""Of a value in quotes, within the lines of one failure."""
_MOST = 200
"""Values that are remembered: each makes the search longer."""


class LearnedValues:
    """What a text, or the parts of a stream so far, have shown to be secrets."""

    def __init__(self, *, of_stream: bool = False) -> None:
        """In a stream what came before the failure that names a value is gone already, and stays as it is."""
        self._of_stream = of_stream
        self._values: dict[str, int] = {}
        """Each with the place in the present text from which on it is a secret."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been learned: then a text is redacted as if it stood alone."""
        return not self._values

    def learn(self, text: str, spans: Iterable[Span]) -> list[Span]:
        """Remember what was found in a text; return where else in it the same secrets stand.

        What was learned in earlier parts of a stream holds in all of this one.
        """
        again: list[Span] = []
        self._values = dict.fromkeys(self._values, 0)
        failure = _Failure(text)
        for span in spans:
            value = text[span.start : span.end]
            if len(value) < _SHORTEST_QUOTED or MARK_PATTERN.search(value):
                continue
            if not failure.reaches(span.start):
                again += failure.quoted()
                failure = _Failure(text, failure_start(text, span.start))
            failure.add(value, span)
            is_new = value not in self._values and len(self._values) < _MOST
            if is_new and len(value) >= _SHORTEST and looks_random(value):
                self._values[value] = failure.start if self._of_stream else 0
        return [*again, *failure.quoted(), *self._occurrences(text)]

    def _occurrences(self, text: str) -> Iterator[Span]:
        """Yield where remembered values stand: whole, or cut by dots."""
        for value, start in self._values.items():
            for span in cut_spans((value,), text):
                if span.start >= start:
                    yield span
        known = [value for value in self._values if value in text]
        if not known:
            return
        longest_first = sorted(known, key=len, reverse=True)
        for match in re.finditer("|".join(map(re.escape, longest_first)), text):
            if match.start() >= self._values[match[0]]:
                yield Span(*match.span())


class _Failure:
    """The lines of one failure, and the values in quotes that stand in them beside their names."""

    def __init__(self, text: str, start: int = 0) -> None:
        self.start = start
        self._text = text
        self._position = start
        self._named_at: dict[str, int] = {}
        """Each value with the last place where a name gives it away."""

    def reaches(self, position: int) -> bool:
        """Whether a place further on lies in the line that was reached: there the same failure goes on."""
        is_same_line = self._text.find("\n", self._position, position) < 0
        self._position = position
        return is_same_line

    def add(self, value: str, span: Span) -> None:
        """Remember a value that a name gives away, if it stands in quotes."""
        is_quoted = self._text[span.start - 1 : span.start] in ("'", '"')
        if is_quoted and (value in self._named_at or len(self._named_at) < _MOST):
            self._named_at[value] = span.start

    def quoted(self) -> Iterator[Span]:
        """Yield where the values, even mere words, stand in quotes before the place that names them."""
        if not self._named_at:
            return
        end = max(self._named_at.values())
        longest_first = sorted(self._named_at, key=len, reverse=True)
        any_value = "|".join(map(re.escape, longest_first))
        quoted = re.compile(rf"""(?<=['"])(?:{any_value})(?=['"])""")
        for match in quoted.finditer(self._text, self.start, end):
            if match.end() <= self._named_at[match[0]]:
                yield Span(*match.span())


_EXPLAINED = re.compile(r"(?:E[ \t]+)?[ \t]*\+[ \t]+(?:where|and)[ ]")
"""A line in which pytest says where a value of the line before came from."""


def failure_start(text: str, position: int) -> int:
    """Return where the lines of one failure begin around a position; elsewhere, where its line begins."""
    start = text.rfind("\n", 0, position) + 1
    while start > 0:
        before = text.rfind("\n", 0, start - 1) + 1
        is_same_failure = text.startswith("E  ", start) and text.startswith(("E  ", ">  "), before)
        if not is_same_failure and _EXPLAINED.match(text, start) is None:
            break
        start = before
    return start

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

    def learn(self, text: str, spans: Iterable[Span]) -> list[Span]:
        """Remember what was found in a text; return where else in it the same secrets stand.

        What was learned in earlier parts of a stream holds in all of this one.
        """
        again: list[Span] = []
        self._values = dict.fromkeys(self._values, 0)
        for span in spans:
            value = text[span.start : span.end]
            if len(value) < _SHORTEST_QUOTED or MARK_PATTERN.search(value):
                continue
            again += _quoted_in_failure(text, span, value)
            is_new = value not in self._values and len(self._values) < _MOST
            if is_new and len(value) >= _SHORTEST and looks_random(value):
                self._values[value] = failure_start(text, span.start) if self._of_stream else 0
        return [*again, *self._occurrences(text)]

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


def _quoted_in_failure(text: str, span: Span, value: str) -> Iterator[Span]:
    """Yield where a value, even a mere word, stands in quotes in the lines of the failure that names it."""
    if text[span.start - 1 : span.start] not in ("'", '"'):
        return
    start = failure_start(text, span.start)
    for match in re.finditer(rf"""(?<=['"]){re.escape(value)}(?=['"])""", text[start : span.start]):
        yield Span(start + match.start(), start + match.end())


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

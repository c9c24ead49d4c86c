"""Find what is left of a secret value where dots stand for the rest: `'abc...xyz'`, `{'a': 1,...xyz'}`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from triage.text.mark import Span

_SHORTEST_PART = 5
"""Of what is left of a value beside the dots that stand for the rest."""
_SURE_PART = 8
"""So many characters tell a part from a word even if all of them are letters."""
_DOTS = re.compile(r"\.\.\.|…")


def cut_spans(values: Iterable[str], text: str) -> Iterator[Span]:
    """Yield the heads and tails of values that end and begin at dots."""
    if "..." not in text and "…" not in text:
        return
    for value in values:
        yield from _before_dots(value, text)
        yield from _behind_dots(value, text)


def _before_dots(value: str, text: str) -> Iterator[Span]:
    """Yield where a value begins and goes on as dots."""
    head = value[:_SHORTEST_PART]
    position = text.find(head)
    while position >= 0:
        length = len(head)
        while length < len(value) and text[position + length : position + length + 1] == value[length]:
            length += 1
        if _DOTS.match(text, position + length) and _tells(value[:length]):
            yield Span(position, position + length)
        position = text.find(head, position + 1)


def _behind_dots(value: str, text: str) -> Iterator[Span]:
    """Yield where a value ends whose beginning is dots."""
    tail = value[-_SHORTEST_PART:]
    position = text.find(tail)
    while position >= 0:
        end = position + len(tail)
        length = len(tail)
        while length < min(len(value), end) and text[end - length - 1] == value[-length - 1]:
            length += 1
        start = end - length
        if text[max(0, start - 3) : start].endswith(("...", "…")) and _tells(value[-length:]):
            yield Span(start, end)
        position = text.find(tail, position + 1)


def _tells(part: str) -> bool:
    """Whether a part of a value is more than a word that stands anywhere."""
    return len(part) >= _SURE_PART or not part.isalpha()

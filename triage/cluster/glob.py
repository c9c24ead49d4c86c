"""Patterns with `*` for any text and `?` for one character, matched in time that is bounded by construction.

There is no backtracking: the parts between stars are looked for from left to right, the first place that
fits is the best one. So a rule costs at most text length times pattern length, whatever somebody writes.
"""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST_TEXT = 10_000
"""Of a text only so much is looked at: its beginning."""


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text (white space folded, upper and lower case kept) fits the pattern."""
    text = " ".join(text[:LONGEST_TEXT].split())
    first, *others = pattern.split("*")
    if not _fits(first, text[: len(first)]):
        return False
    if not others:
        return len(text) == len(first)
    *middle, last = others
    position = len(first)
    for part in middle:
        found = _find(part, text, position)
        if found < 0:
            return False
        position = found + len(part)
    end = len(text) - len(last)
    return end >= position and _fits(last, text[end:])


def _find(part: str, text: str, start: int) -> int:
    if "?" not in part:
        return text.find(part, start)
    found = _of_one_length(part).search(text, start)
    return found.start() if found else -1


@lru_cache(maxsize=1024)
def _of_one_length(part: str) -> re.Pattern[str]:
    """A part as an expression without any repetition: it cannot backtrack."""
    return re.compile("".join("." if char == "?" else re.escape(char) for char in part), re.DOTALL)


def _fits(part: str, text: str) -> bool:
    return len(part) == len(text) and all(p in (t, "?") for p, t in zip(part, text, strict=True))

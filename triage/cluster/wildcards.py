"""Match texts against patterns with `*` and `?`, in time linear in the text.

`fnmatch` turns each `*` into `.*`, and several of them backtrack: a long message would then take minutes.
"""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST_TEXT = 10_000
"""Characters of a text that are looked at; what tells one failure from another stands at the beginning."""
_COMPILED_PARTS = 1024
"""More than the patterns of a rules file have; each failure of a run is compared with all of them."""


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text fits the pattern; white space is folded, upper and lower case are told apart.

    The first part of the pattern must begin the text and the last one must end it. Each part between two
    stars is looked for from the left, and the first place found is as good as any later one.
    """
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
        if found is None:
            return False
        position = found + len(part)
    start_of_last = len(text) - len(last)
    return start_of_last >= position and _fits(last, text[start_of_last:])


def _fits(part: str, text: str) -> bool:
    """Whether a text is this part of a pattern, in which `?` stands for any character."""
    if len(part) != len(text):
        return False
    return all(wanted in (char, "?") for wanted, char in zip(part, text, strict=True))


def _find(part: str, text: str, start: int) -> int | None:
    """Where a part of a pattern first occurs at or behind `start`."""
    if "?" in part:
        found = _without_repetition(part).search(text, start)
        return found.start() if found else None
    position = text.find(part, start)
    return None if position < 0 else position


@lru_cache(maxsize=_COMPILED_PARTS)
def _without_repetition(part: str) -> re.Pattern[str]:
    """A part as a regular expression that cannot backtrack: one item for each character."""
    items = ["." if char == "?" else re.escape(char) for char in part]
    return re.compile("".join(items), re.DOTALL)

"""Shorten two long texts so that what differs stays in view."""

from __future__ import annotations

_WIDTH = 70
"""Characters that are shown of each text."""
_BEFORE = 25
"""Characters that are shown before the first difference."""


def around_difference(first: str, second: str, width: int = _WIDTH) -> tuple[str, str]:
    """Both texts, each cut around the first place at which they differ; short ones stay whole.

    >>> around_difference("[" + "0, " * 40 + "1]", "[" + "0, " * 40 + "2]", width=20)
    ('...0, 0, 1]', '...0, 0, 2]')
    """
    if max(len(first), len(second)) <= width:
        return first, second
    common = 0
    while common < min(len(first), len(second)) and first[common] == second[common]:
        common += 1
    start = max(0, common - min(_BEFORE, width // 3))
    return _cut(first, start, width), _cut(second, start, width)


def _cut(text: str, start: int, width: int) -> str:
    end = start + width
    left = "..." if start else ""
    right = "..." if end < len(text) else ""
    return f"{left}{text[start:end]}{right}"

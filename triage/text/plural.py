"""Numbers with their nouns: `1 test`, `2 tests`."""

from __future__ import annotations


def counted_noun(number: int, noun: str, width: int = 0) -> str:
    """Return the number, right-aligned to `width`, and the noun, in the plural unless there is one."""
    return f"{number:>{width}} {noun}{'' if number == 1 else 's'}"

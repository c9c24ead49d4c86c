"""Find parts of known secrets that a program cut off without a sign: `token[:12]`, `key[-8:]`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from triage.text.mark import Span
from triage.text.secret_values import looks_random

_BLOCK = 8
"""Characters of the shortest part that is found; fewer are a customary hint at which key it was."""
_MIN_LENGTH = 12
"""Of a value that is looked for in parts: most of a shorter one is not left out."""
_MOST_BLOCK = 16
"""Characters after which a part that could still be words is given up: it may stand in innocent text."""
_MIN_MIXED = 10
"""Characters of a part that tells by its mixture alone."""
_SIGNS = re.compile(r"[^A-Za-z0-9/._:-]")
"""What stands in passwords, and between no two words of an identifier, a path or a version."""
_MOST_BLOCKS = 2_000
"""In one expression; what is beyond belongs to private keys, which are found by their own form."""


class ValueParts:
    """The blocks of which known values are made; immutable.

    Each value is divided into blocks from its beginning, and one that ends with it. A head or a tail of one
    block's length holds a whole block, and so does any other part of nearly two. A block that could be words
    or numbers goes on until it could not.
    """

    def __init__(self, values: Iterable[str]) -> None:
        """Take the values; blocks that could be words or numbers to their ends are left out."""
        self._places: dict[str, list[tuple[str, int]]] = {}
        """Each block with the values that have it, and where: forms of one value begin alike."""
        for value in values:
            if len(value) < _MIN_LENGTH:
                continue
            for start, end in _blocks(value):
                if len(self._places) < _MOST_BLOCKS:
                    self._places.setdefault(value[start:end], []).append((value, start))
        self._any = re.compile("|".join(map(re.escape, self._places)) or "(?!)")

    def spans(self, text: str) -> Iterator[Span]:
        """Yield where parts stand, as far as each goes on like its value."""
        if not self._places:
            return
        for match in self._any.finditer(text):
            for value, offset in self._places[match[0]]:
                yield _whole_part(text, match, value, offset)


def _whole_part(text: str, match: re.Match[str], value: str, offset: int) -> Span:
    """Where the text goes on like a value, before and behind a block of it."""
    start, end = match.span()
    first, last = offset, offset + len(match[0])
    while start > 0 and first > 0 and text[start - 1] == value[first - 1]:
        start, first = start - 1, first - 1
    while end < len(text) and last < len(value) and text[end] == value[last]:
        end, last = end + 1, last + 1
    return Span(start, end)


def _blocks(value: str) -> Iterator[tuple[int, int]]:
    """Yield where the blocks of a value begin and end, each as short as it can be and tell."""
    for start in range(0, len(value) - _BLOCK + 1, _BLOCK):
        longest = min(start + _MOST_BLOCK, len(value))
        end = next((end for end in range(start + _BLOCK, longest + 1) if _tells(value[start:end])), None)
        if end is not None:
            yield start, end
    first = max(0, len(value) - _MOST_BLOCK)
    starts = range(len(value) - _BLOCK, first - 1, -1)
    start_of_last = next((start for start in starts if _tells(value[start:])), None)
    if start_of_last is not None:
        yield start_of_last, len(value)


def _tells(part: str) -> bool:
    """Whether a part is no word, number, path or version that may stand anywhere."""
    if looks_random(part):
        return True
    if "/" in part:
        return False
    if _SIGNS.search(part) is not None and looks_random(_SIGNS.sub("", part)):
        return True
    kinds = (str.isdigit, str.islower, str.isupper, lambda char: not char.isalnum())
    return len(part) >= _MIN_MIXED and all(any(map(kind, part)) for kind in kinds)

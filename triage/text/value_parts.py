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
_MOST_BLOCKS = 2_000
"""In one expression; what is beyond belongs to private keys, which are found by their own form."""


class ValueParts:
    """The blocks of which known values are made; immutable.

    Each value is divided into blocks from its beginning, and one that ends with it. A head or a tail of one
    block's length holds a whole block, and so does any other part of nearly two.
    """

    def __init__(self, values: Iterable[str]) -> None:
        """Take the values; blocks that could be words or numbers are left out."""
        self._places: dict[str, tuple[str, int]] = {}
        for value in values:
            if len(value) < _MIN_LENGTH:
                continue
            starts = [*range(0, len(value) - _BLOCK + 1, _BLOCK), len(value) - _BLOCK]
            for start in starts:
                block = value[start : start + _BLOCK]
                if looks_random(block) and len(self._places) < _MOST_BLOCKS:
                    self._places.setdefault(block, (value, start))
        self._any = re.compile("|".join(map(re.escape, self._places)) or "(?!)")

    def spans(self, text: str) -> Iterator[Span]:
        """Yield where parts stand, as far as each goes on like its value."""
        if not self._places:
            return
        for match in self._any.finditer(text):
            value, offset = self._places[match[0]]
            start, end = match.span()
            first, last = offset, offset + _BLOCK
            while start > 0 and first > 0 and text[start - 1] == value[first - 1]:
                start, first = start - 1, first - 1
            while end < len(text) and last < len(value) and text[end] == value[last]:
                end, last = end + 1, last + 1
            yield Span(start, end)

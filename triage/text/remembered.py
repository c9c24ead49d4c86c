"""Remember what became of texts: the same node ids, paths and words stand in every document of a run."""

from __future__ import annotations

from collections.abc import Callable

_MOST_CHARACTERS = 16 * 1024 * 1024
"""Of all remembered texts: those of a run with 20,000 failures. Beyond it everything is forgotten."""
_CHARACTERS_OF_AN_ENTRY = 100
"""What the table itself takes for a text, however short, in bytes."""


class RememberedTexts(dict[str, str]):
    """Text to the result of a pure function of it, made when it is asked for first; bounded in memory."""

    def __init__(self, make: Callable[[str], str]) -> None:
        """`make` gives the same result for the same text, whenever it is called."""
        super().__init__()
        self._make = make
        self._characters = 0

    def __missing__(self, text: str) -> str:
        made = self._make(text)
        needed = len(text) + _CHARACTERS_OF_AN_ENTRY
        self._characters += needed
        if self._characters > _MOST_CHARACTERS:
            self.clear()
            self._characters = needed
        self[text] = made
        return made

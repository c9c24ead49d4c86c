"""Remember what became of texts: the same node ids, paths and words stand in every document of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

_MOST_CHARACTERS = 16 * 1024 * 1024
"""Of all that is remembered. Beyond it everything is forgotten."""
_CHARACTERS_OF_AN_ENTRY = 100
"""What the table itself takes for a text, however short, in bytes."""
_LONG = 200
"""Characters: a longer text is remembered by its digest, so that the tracebacks and the output of 20,000
failures, which stand in two documents, are not forgotten between them."""
_DIGEST_BYTES = 32
"""As many as keep anybody from making two texts of one digest: one of them could hold a secret."""


class RememberedTexts(dict[str, str]):
    """Text to the result of a pure function of it, made when it is asked for first; bounded in memory."""

    def __init__(self, make: Callable[[str], str]) -> None:
        """`make` gives the same result for the same text, whenever it is called."""
        super().__init__()
        self._make = make
        self._characters = 0
        self._of_long: dict[bytes, str | None] = {}
        """Digest of a long text to its result; None where that is the text itself, as it mostly is."""

    def __missing__(self, text: str) -> str:
        if len(text) > _LONG:
            return self._result_of_long(text)
        made = self._make(text)
        self._count(len(text))
        self[text] = made
        return made

    def _result_of_long(self, text: str) -> str:
        # a lone surrogate, which no encoding takes, may be in what a test printed
        encoded = text.encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(encoded, digest_size=_DIGEST_BYTES).digest()
        if digest in self._of_long:
            known = self._of_long[digest]
            return text if known is None else known
        made = self._make(text)
        is_changed = made != text
        self._count(len(made) if is_changed else _DIGEST_BYTES)
        self._of_long[digest] = made if is_changed else None
        return made

    def _count(self, characters: int) -> None:
        """Count an entry that is about to be added; forget all others where there is no room for it."""
        needed = characters + _CHARACTERS_OF_AN_ENTRY
        self._characters += needed
        if self._characters > _MOST_CHARACTERS:
            self.clear()
            self._of_long.clear()
            self._characters = needed

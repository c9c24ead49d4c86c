"""The different words of a text: far fewer than its words, and enough to rule most secrets out."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable

from triage.text.word_finder import any_of

_WORD_CODES = (string.ascii_letters + string.digits).encode()
"""Of these the beginnings of tokens and telling names are made."""
_SEPARATORS = bytes(code if code in _WORD_CODES else ord(" ") for code in range(256))
"""A table for `bytes.translate` that makes a space of everything else."""
_ESCAPED_ENDS = re.compile(rb"\\[nrt]")
"""Line ends and tabs as literals show them: behind one a word begins."""
_FIRST_WORD = re.compile(r"[^A-Za-z0-9]*(?P<word>[A-Za-z0-9]+)(?P<next>.?)")


class Vocabulary:
    """The different words of one text."""

    def __init__(self, text: str) -> None:
        """Collect the words; ASCII letters and digits only."""
        encoded = text.encode("ascii", "replace") if text.isascii() else text.encode("utf-8", "replace")
        if b"\\" in encoded:
            encoded = _ESCAPED_ENDS.sub(b" ", encoded)
        self.words = set(encoded.translate(_SEPARATORS).split())
        self.joined = b" %b " % b" ".join(self.words)


class WordTest:
    """Tells by its vocabulary alone which of some hints a text may hold."""

    def __init__(self, hints: Iterable[str]) -> None:
        """Take hints whose first letters begin a word: `ghp_` is the whole word ghp, `AKIA` its beginning."""
        self._always: list[str] = []
        self._of_word: dict[bytes, list[str]] = {}
        beginnings: dict[str, list[str]] = {}
        for hint in hints:
            match = _FIRST_WORD.match(hint)
            if match is None:
                self._always.append(hint)
            elif match["next"]:
                self._of_word.setdefault(match["word"].encode(), []).append(hint)
            else:
                beginnings.setdefault(match["word"], []).append(hint)
        self._beginnings = re.compile(f" ({any_of(beginnings)})".encode())
        self._of_beginning: dict[bytes, list[str]] = {}
        """By the longest beginning that is found: it brings the hints of the shorter ones with it."""
        for found in beginnings:
            hints_of_found: list[str] = []
            for word, hints_of_word in beginnings.items():
                if found.startswith(word):
                    hints_of_found += hints_of_word
            self._of_beginning[found.encode()] = hints_of_found

    def possible(self, vocabulary: Vocabulary) -> list[str]:
        """Return the hints that the text may hold."""
        found = [*self._always]
        for word in vocabulary.words & self._of_word.keys():
            found += self._of_word[word]
        for beginning in self._beginnings.findall(vocabulary.joined):
            found += self._of_beginning[beginning]
        return found if len(found) < 2 else list(dict.fromkeys(found))

"""One regular expression that finds any of many words in a single pass over a text."""

from __future__ import annotations

import re
from collections.abc import Iterable


def any_of(words: Iterable[str]) -> str:
    """Return an expression for any of the words, the longest where one begins with another.

    Words that begin alike share their beginning, so that most places of a text are passed over at the first
    letter. Without words nothing is found.
    """
    words = tuple(words)
    if not words:
        return "(?!)"
    tree: dict[str, dict] = {}  # type: ignore[type-arg]
    for word in words:
        branch = tree
        for char in word:
            branch = branch.setdefault(char, {})
        branch[""] = {}  # a word ends here
    return _expression(tree)


def _expression(tree: dict[str, dict]) -> str:  # type: ignore[type-arg]
    ends_here = "" in tree
    choices = [re.escape(char) + _expression(branch) for char, branch in sorted(tree.items()) if char]
    if not choices:
        return ""
    joined = choices[0] if len(choices) == 1 else f"(?:{'|'.join(choices)})"
    return f"(?:{joined})?" if ends_here else joined

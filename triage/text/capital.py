"""Begin a sentence with a capital letter."""

from __future__ import annotations


def capitalised(clause: str) -> str:
    """The clause as the beginning of a sentence; a path or a name at its beginning keeps its letters.

    >>> capitalised("the CI differs"), capitalised("a.py:3 differs")
    ('The CI differs', 'a.py:3 differs')
    """
    first_word = clause.partition(" ")[0]
    if not first_word.rstrip(",:;").isalpha():
        return clause
    return f"{clause[:1].upper()}{clause[1:]}"

"""Bring what a message lists in the order of a set into one order: sets, dictionaries, lists in prose.

The order of a printed set follows from hashes, which differ between processes. Lists in brackets and tuples
keep their order: it is the program's own.
"""

from __future__ import annotations

import re

from triage.text.pattern import pattern

_INNERMOST = re.compile(r"\{([^{}]*)\}")
_ELEMENT = re.compile(r"(?:'[^']*'|\"[^\"]*\"|\([^()]*\)|\[[^\[\]]*\]|[^,])+")
"""An element of a set or dictionary, to the next comma outside of quotations and brackets."""
_PLACE = re.compile(r"\x00(\d+)\x00")
_DEEPEST = 20
"""Levels of braces within braces that are sorted."""

_QUOTED_ITEM = r"(?:'[^'\n]*'|\"[^\"\n]*\")"
_QUOTED_LIST = pattern(
    rf"{_QUOTED_ITEM} (?: (?: ,[ ](?:and[ ]|or[ ])? | [ ](?:and|or)[ ] ) {_QUOTED_ITEM} )+",
    matches=["'a', 'b'", "'a', 'b' and 'c'"],
    rejects=["'a' != 'b'", "'a'"],
)
_LIST_BEHIND_COLON = pattern(
    r"(?<=:[ ]) [\w.-]+ (?: ,[ ][\w.-]+ )+ (?= \s*$ | [.;)] (?:\s|$) )",
    matches=["missing columns: mass, radius", "unknown: a, b; see the manual"],
    rejects=["missing: mass", "one, two", "at: a, b are missing"],
)
_WORDS = r"[A-Za-z][\w-]*"
_LIST_OF_THREE = pattern(
    rf"""
      \b{_WORDS} (?:,[ ]{_WORDS}){{2,}} (?:,?[ ](?:and|or)[ ]{_WORDS})?
    | \b{_WORDS} (?:[ ]and[ ]{_WORDS}){{2,}}
    """,
    matches=["missing fields mass, radius, spin", "mass and radius and spin", "mass, radius, spin or phase"],
    rejects=["mass, radius", "mass and radius", "'a', 'b', 'c'"],
)
"""Words that follow each other so often are a list also where no colon says so."""
_WORD = re.compile(_WORDS)
_LINKS = frozenset({"and", "or"})
_ITEM = re.compile(_QUOTED_ITEM)


def in_one_order(text: str) -> str:
    """The text with the elements of sets, dictionaries and lists in prose sorted."""
    if "{" in text:
        text = _with_sorted_braces(text)
    if "', '" in text or '", "' in text or "' and '" in text or "' or '" in text or ", and '" in text:
        text = _QUOTED_LIST.sub(_sorted_quotations, text)
    if ", " in text and ": " in text:
        text = _LIST_BEHIND_COLON.sub(lambda found: ", ".join(sorted(found[0].split(", "))), text)
    if text.count(", ") > 1 or text.count(" and ") > 1:
        text = _LIST_OF_THREE.sub(_sorted_words, text)
    return text


def _with_sorted_braces(text: str) -> str:
    """Innermost braces first; each is kept aside under a number while those around it are sorted."""
    aside: list[str] = []

    def keep_aside(found: re.Match[str]) -> str:
        elements = [element.strip() for element in _ELEMENT.findall(found[1])]
        # what lies within counts by its text, not by the number that it has here
        elements.sort(key=lambda element: _put_back(element, aside))
        # of numbers only one is left: how many there were is chance
        aside.append("{" + ", ".join(dict.fromkeys(elements)) + "}")
        return f"\x00{len(aside) - 1}\x00"

    text = text.replace("\x00", "")
    for _ in range(_DEEPEST):
        text, count = _INNERMOST.subn(keep_aside, text)
        if not count:
            break
    return _put_back(text, aside)


def _put_back(text: str, aside: list[str]) -> str:
    while "\x00" in text:
        text = _PLACE.sub(lambda found: aside[int(found[1])], text)
    return text


def _has_an_order(found: re.Match[str]) -> bool:
    """Whether what was found stands in a list or in a tuple."""
    before, behind = found.string[: found.start()], found.string[found.end() : found.end() + 1]
    in_list = before.count("[") > before.count("]")
    in_tuple = before.count("(") > before.count(")") and behind in (")", ",")
    return in_list or in_tuple


def _sorted_words(found: re.Match[str]) -> str:
    """The words sorted between the same commas."""
    if _has_an_order(found):
        return found[0]
    words = iter(sorted(word for word in _WORD.findall(found[0]) if word not in _LINKS))
    return _WORD.sub(lambda word: word[0] if word[0] in _LINKS else next(words), found[0])


def _sorted_quotations(found: re.Match[str]) -> str:
    """The quotations sorted between the same commas; those of a list or tuple stay as they are."""
    if _has_an_order(found):
        return found[0]
    items = iter(sorted(_ITEM.findall(found[0])))
    return _ITEM.sub(lambda _: next(items), found[0])

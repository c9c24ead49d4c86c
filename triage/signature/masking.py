"""Mask the volatile parts of a message: what another machine, run or checkout would print otherwise.

Each kind of volatile part has one token, however often and with whichever values it occurs: whether two
numbers are equal may be chance (`0.24ms and 0.24ms`), so it is no part of what a message says. What tells
causes apart stays: words, names with their digits (`float32`), quotations, nan and inf, the names of files.

`volatile_kinds` lists the kinds.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from triage.signature.any_order import in_one_order
from triage.signature.file_names import masked_path, shown_path
from triage.signature.volatile_kinds import FREQUENT_KINDS, NAMED_CODE, NUMBER, RARE_KINDS, scanner
from triage.text.pattern import pattern

_LONGEST = 2000
"""Characters of a text that are looked at."""

_ZERO = pattern(
    r"[-+]?0+(?:\.0*)?(?:[eE][-+]?\d+)?",
    matches=["0", "-0.", "0.0e0"],
    rejects=["0.1", "10"],
    how="fullmatch",
)
_QUOTED = pattern(
    r"'[^'\n]{0,500}' | \"[^\"\n]{0,500}\" | `[^`\n]{0,500}`",
    matches=["no column 'mass'", 'no column "mass"', "no `mass`"],
    rejects=["it's"],
)
_COUNTED = pattern(
    r"(?P<count> <n>[ ](?:\w+[ ])? ) (?P<word> [a-z]{2,}[a-rt-z] ) s\b",
    matches=["<n> rows", "<n> failed tests"],
    rejects=["<n> row", "<n> class"],
)
"""A noun behind a number: how many there are decides whether it is in the plural."""
_PLURAL_VERB = pattern(
    r"\b(?P<before>are|were|have)(?=[ ]<n>) | (?P<noun><n>[ ](?:\w+[ ]){1,2})(?P<behind>are|were|have)\b",
    matches=["there are <n> left", "<n> row were lost", "<n> open file have gone"],
    rejects=["there is <n>", "they are here"],
)
_SINGULAR = {"are": "is", "were": "was", "have": "has"}
_NUMBERS = pattern(
    r"(?<! [(\[{] ) (?<! ,[ ] ) <n> (?: ,[ ]<n> )+ (?! [)\]}] | ,[ ] )",
    matches=["rows <n>, <n>, <n>", "rows <n>, <n> are bad"],
    rejects=["(<n>, <n>)", "[a, <n>, <n>]", "f(<n>, <n>, x)"],
)
"""Numbers in prose: how many there are is chance. In a tuple it is a shape."""
_PRINTED_NUMBER = re.compile(r"\d[\d.]*(?:[eE][-+]?\d+)?")
_LABEL = re.compile(r".*[ =:'\"]")
_TOKEN = re.compile(r"<([a-z]+)>")
_TOKEN_OF_KIND = {kind.name: kind.token for kind in (*FREQUENT_KINDS, *RARE_KINDS)}
_SHOWN_BY_KIND = frozenset({"addr", "ip", "ip6", "mac", "url", "uuid", "tempfile"})
"""Kinds whose values say nothing to people: they are another machine's, or of another run."""
_SCANNER = scanner()


@lru_cache(maxsize=65536)
def masked(text: str, *, keep_zero: bool = False) -> str:
    """The text masked, white space folded; at most 2,000 characters of it are looked at.

    `keep_zero` leaves an exact zero as `0`: in a comparison it means something.
    """

    def token_of(found: re.Match[str]) -> str:
        kind, value = found.lastgroup or "", found[0]
        if kind == "list":
            return _array_token(value)
        if kind == NAMED_CODE:
            return value
        if kind in ("path", "drive"):
            return masked_path(value)
        if kind == "labelled":
            label = _LABEL.match(value)
            return f"{label[0] if label else ''}{NUMBER}"
        if kind == "n" and keep_zero and _ZERO.fullmatch(value):
            return "0"
        return _TOKEN_OF_KIND[kind]

    text = text[:_LONGEST]
    tokens = " ".join(_SCANNER.of(text).sub(token_of, text).split())
    return without_counts(in_one_order(tokens))


def legible(text: str, kept: Collection[str] = ()) -> str:
    """The text for people: numbers and times as they are, files of the project relative to its root; what
    nobody else's machine has by its kind, unless two values of one kind would read alike.

    Values of the `kept` kinds stay as they are.
    """
    text = text[:_LONGEST]
    scanner = _SCANNER.of(text)
    values_of: dict[str, set[str]] = {}
    for found in scanner.finditer(text):
        values_of.setdefault(_legible_value(found), set()).add(found[0])

    def shown_as(found: re.Match[str]) -> str:
        short = _legible_value(found)
        is_shown = found.lastgroup in kept or len(values_of[short]) > 1
        return found[0] if is_shown else short

    return " ".join(scanner.sub(shown_as, text).split())


def _legible_value(found: re.Match[str]) -> str:
    """A volatile part as people may read it."""
    kind, value = found.lastgroup or "", found[0]
    if kind in ("path", "drive"):
        return shown_path(value)
    return _TOKEN_OF_KIND[kind] if kind in _SHOWN_BY_KIND else value


def without_counts(tokens: str) -> str:
    """A masked text without how many there were: nouns in the singular, numbers in a row as one."""
    if "<n>" not in tokens:
        return tokens
    singular = _COUNTED.sub(r"\g<count>\g<word>", _NUMBERS.sub(NUMBER, tokens))
    return _PLURAL_VERB.sub(_in_singular, singular)


def _in_singular(found: re.Match[str]) -> str:
    return (found["noun"] or "") + _SINGULAR[found["before"] or found["behind"]]


def template(masked_text: str) -> str:
    """The masked text without quoted parts: what a format string may have been."""
    return _QUOTED.sub("<quoted>", masked_text)


def shown(masked_text: str) -> str:
    """The masked text for people: `#` for a number, the kind for everything else."""
    return _TOKEN.sub(lambda found: "#" if found[1] == "n" else found[0], masked_text)


def _array_token(text: str) -> str:
    """The token of a printed array: only whether its numbers are all zero, or not all finite."""
    if "nan" in text:
        return "[nan]"
    if "inf" in text:
        return "[inf]"
    numbers = _PRINTED_NUMBER.findall(text)
    if numbers and all(_ZERO.fullmatch(number) for number in numbers):
        return "[0]"
    return "[...]"

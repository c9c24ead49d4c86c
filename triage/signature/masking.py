"""Mask the volatile parts of a message; equal values get equal tokens.

A value that appears twice gets the same token twice (`<n1> of <n1>` is not `<n1> of <n2>`), numbered in the
order of first appearance. Digits inside names stay: `float32` and `float64` are words.
"""

from __future__ import annotations

import re
from functools import lru_cache

from triage.text.pattern import pattern

_LONGEST = 2000
"""Characters of a text that are looked at."""

_NUMBER = r"(?:\d[\d.]*(?:[eE][-+]?\d+)?)"
_ELEMENT = rf"(?:[-+]?(?:{_NUMBER}|nan|inf)j?|\.\.\.)"
"""One element of a printed array; long arrays have `...` in the middle."""

_FREQUENT_KINDS = rf"""
      (?P<time>
          \b\d{{4}}-\d\d-\d\d (?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)? (?:Z|[+-]\d\d:?\d\d)? )?
        | \b\d{{8}}T\d{{6}}Z?\b
        | \b\d{{1,2}}:\d\d:\d\d(?:[.,]\d+)?
      )
    | (?P<ip> \b\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?::\d{{1,5}})?\b )
    | (?P<addr> \b0x[0-9a-fA-F]+\b )
    | (?P<tmp> (?<![\w.<>])(?:/private)?(?:/tmp|/var/folders|/var/tmp|/dev/shm)(?:/[^\s'\",;:)\]}}>]*)? )
    | (?P<path> (?<![\w.<>])(?:/[\w.@+~-]+){{2,}}/? )
    | (?P<list> \[[\[\s]* {_ELEMENT} (?:[\s,\[\]]+{_ELEMENT})* [\s,]*[\]\s]*\] )
    | (?P<n>
          (?<=\dx)\d+
        | (?<![\w.])[-+]?(?:\d[\d_,]*\d|\d)(?:\.\d*)?(?:[eE][-+]?\d+)?
        | (?<![\w.])[-+]?\.\d+(?:[eE][-+]?\d+)?
      )
"""
"""Volatile parts that begin with a sign, a point, a slash, a bracket or a digit, by kind."""

_RARE_KINDS = r"""
      (?P<url> \b[a-z][a-z0-9+.-]{1,20}://[^\s'\"<>)\]]+ )
    | (?P<drive> \b[A-Za-z]:\\[^\s'\"]+ )
    | (?P<uuid> \b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b )
    | (?P<hex> \b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{12,64}\b )
"""
"""Volatile parts that may begin with a letter."""

_MASKED_TEXTS = (
    "2026-01-02T03:04:05Z", "127.0.0.1:8080", "0x7f31", "/tmp/pytest-of-x/out.txt", "/home/x/data/run.csv",
    "[0., 0.]", "256x128", "-1.5e-3", ".5",
)  # fmt: skip
_KEPT_TEXTS = ("float32", "v1_x", "a/b", "<tmp>")

_FREQUENT = pattern(
    # the look-ahead names all first characters, which makes the scan several times faster
    rf"(?=[-+./\[0-9])(?:{_FREQUENT_KINDS})",
    matches=_MASKED_TEXTS,
    rejects=_KEPT_TEXTS,
)
_ALL = pattern(
    rf"{_RARE_KINDS} | {_FREQUENT_KINDS}",
    matches=(*_MASKED_TEXTS, "http://host/x?y=1", "C:\\temp\\x", "a1b2c3d4e5f60718"),
    rejects=(*_KEPT_TEXTS, "deadbeefdead"),
)
_HAS_RARE = pattern(
    r"://|:\\|[0-9a-fA-F]{12}",
    matches=["see http://host", "C:\\x", "a1b2c3d4e5f60718"],
    rejects=["5 of 6", "0x7f31"],
)
"""Whether a text may hold one of the rare kinds: it must be true of all of them."""

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
_DIGITS_OF_NAME = re.compile(r"(?<![A-Za-z_])\d+")
_TOKEN = re.compile(r"<([a-z]+)\d*>")


class Tokens:
    """Names of masked values, in the order of first appearance, over all texts of one failure."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    def of(self, kind: str, value: str) -> str:
        """The token of this value: `<kind number>`."""
        key = (kind, value)
        if key not in self._known:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._known[key] = f"<{kind}{self._counts[kind]}>"
        return self._known[key]


@lru_cache(maxsize=65536)
def masked(text: str, *, keep_zero: bool = False) -> str:
    """One text masked by itself, white space folded; at most 2,000 characters of it are looked at."""
    return mask_with(Tokens(), text, keep_zero=keep_zero)


def mask_with(tokens: Tokens, text: str, *, keep_zero: bool = False) -> str:
    """The text masked with tokens that other texts of the failure share.

    `keep_zero` leaves an exact zero as `0`: in a comparison it means something.
    """

    def token_of(found: re.Match[str]) -> str:
        kind, value = found.lastgroup or "", found[0]
        if kind == "list":
            return _array_token(value)
        if kind in ("path", "drive"):
            return "<dir>/" + _DIGITS_OF_NAME.sub("<n>", _basename(value))
        if kind == "n" and keep_zero and _ZERO.fullmatch(value):
            return "0"
        if kind == "n":
            return tokens.of("n", value.lstrip("+-"))
        return tokens.of(kind, value)

    text = text[:_LONGEST]
    volatile = _ALL if _HAS_RARE.search(text) else _FREQUENT
    return " ".join(volatile.sub(token_of, text).split())


def legible(text: str) -> str:
    """The text for people: its numbers as they are; what differs from machine to machine by its kind."""

    def shown_as(found: re.Match[str]) -> str:
        kind, value = found.lastgroup or "", found[0]
        if kind in ("path", "drive"):
            return "<dir>/" + _basename(value)
        if kind in ("n", "list"):
            return value
        return f"<{kind}>"

    return " ".join(_ALL.sub(shown_as, text[:_LONGEST]).split())


def template(masked_text: str) -> str:
    """The masked text without quoted parts: what a format string may have been."""
    return _QUOTED.sub("<quoted>", masked_text)


def shown(masked_text: str) -> str:
    """The masked text for people: `#` for a number, the kind for everything else."""
    return _TOKEN.sub(lambda found: "#" if found[1] == "n" else f"<{found[1]}>", masked_text)


def _basename(path: str) -> str:
    return re.split(r"[\\/]", path.rstrip("/\\"))[-1]


def _array_token(text: str) -> str:
    """The token of a printed array: only whether its numbers are all zero, or not all finite."""
    if "nan" in text:
        return "[nan]"
    if "inf" in text:
        return "[inf]"
    numbers = re.findall(_NUMBER, text)
    if numbers and all(_ZERO.fullmatch(number) for number in numbers):
        return "[0]"
    return "[...]"

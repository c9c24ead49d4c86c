"""The accidental in a message, masked; what masked tokens have to do with each other, kept.

A token that appears twice gets the same name twice (`<n1> of <n1>` is not `<n1> of <n2>`), in the order
of first appearance. Digits inside names stay: `float32` and `float64` are words.
"""

from __future__ import annotations

import re
from functools import lru_cache

_WITH_DIGITS = (
    r"(?P<time>\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|\b\d{8}T\d{6}Z?\b|\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?)"
    r"|(?P<ip>\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b)"
    r"|(?P<addr>\b0x[0-9a-fA-F]+\b)"
    r"|(?P<tmp>(?<![\w.<>])(?:/private)?(?:/tmp|/var/folders|/var/tmp|/dev/shm)(?:/[^\s'\",;:)\]}>]*)?)"
    r"|(?P<path>(?<![\w.<>])(?:/[\w.@+~-]+){2,}/?)"
    r"|(?P<list>\[[\[\s]*(?:[-+]?(?:\d[\d.]*(?:[eE][-+]?\d+)?|nan|inf)j?|\.\.\.)"
    r"(?:[\s,\[\]]+(?:[-+]?(?:\d[\d.]*(?:[eE][-+]?\d+)?|nan|inf)j?|\.\.\.))*[\s,]*[\]\s]*\])"
    r"|(?P<n>(?<=\dx)\d+|(?<![\w.])[-+]?(?:\d[\d_,]*\d|\d)(?:\.\d*)?(?:[eE][-+]?\d+)?"
    r"|(?<![\w.])[-+]?\.\d+(?:[eE][-+]?\d+)?)"
)
_RARE = (
    r"(?P<url>\b[a-z][a-z0-9+.-]{1,20}://[^\s'\"<>)\]]+)"
    r"|(?P<drive>\b[A-Za-z]:\\[^\s'\"]+)"
    r"|(?P<uuid>\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b)"
    r"|(?P<hex>\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{12,64}\b)"
)
_COMMON_TOKENS = re.compile(rf"(?=[-+./\[0-9])(?:{_WITH_DIGITS})")
"""Every alternative starts with one of few characters, which makes the scan several times faster."""
_ALL_TOKENS = re.compile(f"{_RARE}|{_WITH_DIGITS}")
_HAS_RARE = re.compile(r"://|:\\|[0-9a-fA-F]{12}")
_IN_NAME = re.compile(r"(?<![A-Za-z_])\d+")
_ZERO = re.compile(r"[-+]?0+(?:\.0*)?(?:[eE][-+]?\d+)?")
_QUOTED = re.compile(r"'[^'\n]{0,500}'|\"[^\"\n]{0,500}\"|`[^`\n]{0,500}`")
_LONGEST = 2000


class Names:
    """Names of masked tokens, in the order of first appearance, over all texts of one failure."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    def of(self, kind: str, value: str) -> str:
        """The name of this value: `<kind number>`."""
        key = (kind, value)
        if key not in self._known:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._known[key] = f"<{kind}{self._counts[kind]}>"
        return self._known[key]


@lru_cache(maxsize=65536)
def masked(text: str, *, keep_zero: bool = False) -> str:
    """One text masked by itself, white space folded; at most 2,000 characters of it are looked at."""
    return mask_with(Names(), text, keep_zero=keep_zero)


def mask_with(names: Names, text: str, *, keep_zero: bool = False) -> str:
    """The text masked with names that other texts of the failure share.

    `keep_zero` leaves an exact zero as `0`: in a comparison it means something.
    """

    def name(found: re.Match[str]) -> str:
        kind, token = found.lastgroup or "", found[0]
        if kind == "list":
            return _list_class(token)
        if kind in ("path", "drive"):
            return "<dir>/" + _IN_NAME.sub("<n>", re.split(r"[\\/]", token.rstrip("/\\"))[-1])
        if kind == "n":
            if keep_zero and _ZERO.fullmatch(token):
                return "0"
            return names.of("n", token.lstrip("+-"))
        return names.of(kind, token)

    text = text[:_LONGEST]
    tokens = _ALL_TOKENS if _HAS_RARE.search(text) else _COMMON_TOKENS
    return " ".join(tokens.sub(name, text).split())


def legible(text: str) -> str:
    """The text for people: its numbers as they are; what differs from machine to machine by its kind."""

    def name(found: re.Match[str]) -> str:
        kind, token = found.lastgroup or "", found[0]
        if kind in ("path", "drive"):
            return "<dir>/" + re.split(r"[\\/]", token.rstrip("/\\"))[-1]
        return token if kind in ("n", "list") else f"<{kind}>"

    return " ".join(_ALL_TOKENS.sub(name, text[:_LONGEST]).split())


def _list_class(token: str) -> str:
    """Numbers in brackets: only whether they are all zero, or not all finite."""
    if "nan" in token:
        return "[nan]"
    if "inf" in token:
        return "[inf]"
    numbers = re.findall(r"\d[\d.]*(?:[eE][-+]?\d+)?", token)
    return "[0]" if numbers and all(_ZERO.fullmatch(number) for number in numbers) else "[...]"


def template(masked_text: str) -> str:
    """The masked text without quoted parts: what a format string may have been."""
    return _QUOTED.sub("<quoted>", masked_text)


def shown(masked_text: str) -> str:
    """The masked text for people: `#` for a number, the kind for everything else."""
    return re.sub(r"<([a-z]+)\d*>", lambda found: "#" if found[1] == "n" else f"<{found[1]}>", masked_text)

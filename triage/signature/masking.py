"""Mask the volatile parts of a message: what another machine, run or checkout would print otherwise.

Each kind of volatile part has one token, however often and with whichever values it occurs: whether two
numbers are equal may be chance (`0.24ms and 0.24ms`), so it is no part of what a message says. What tells
causes apart stays: words, names with their digits (`float32`), quotations, nan and inf, the names of files.

`docs/clustering.md` lists the kinds with what each earns.
"""

from __future__ import annotations

import re
from functools import lru_cache

from triage.signature.any_order import in_one_order
from triage.signature.checkout import ROOT
from triage.signature.file_names import masked_path, shown_path
from triage.text.pattern import pattern

_LONGEST = 2000
"""Characters of a text that are looked at."""

NUMBER = "<n>"
"""The token of a number, and of what a number may look like: one hexadecimal id in forty has no letter."""

_NUMBER = r"(?:\d[\d.]*(?:[eE][-+]?\d+)?)"
_ELEMENT = rf"(?:[-+]?(?:{_NUMBER}|nan|inf)j?|\.\.\.)"
"""One element of a printed array; long arrays have `...` in the middle."""
_DECIMAL = r"(?:\d[\d_,]*\d|\d)(?:\.\d*)?(?:[eE][-+]?\d+)?"
_UNIT_OF_TIME = (
    r"(?:[ ]?(?:[nmuµμ]?s|[nmuµμ]?secs?|(?:nano|micro|milli)?seconds?|mins?|minutes?|hrs?|hours?)|[mhd])\b"
)
_UNIT_OF_SIZE = r"[ ]?(?:[kKMGTP]i?B|B|[kKMGTP]?bytes?)\b"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_CLOCK = r"\d{1,2}:\d\d:\d\d(?:[.,]\d+)?"

_FREQUENT_KINDS = rf"""
      (?P<time>
          \b\d{{4}}-\d\d-\d\d (?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?[ ]?(?:Z|UTC|[+-]\d\d:?\d\d)? )?
        | \b\d{{8}}T\d{{6}}Z?\b
        | \b\d{{1,2}}[/.]\d{{1,2}}[/.](?:19|20)\d\d\b
        | (?:\b\d+[ ]days?,[ ])? \b{_CLOCK}
        | \b\d{{1,2}}[ ]{_MONTH}[ ]\d{{4}}(?:[ ]{_CLOCK}(?:[ ](?:GMT|UTC|[+-]\d{{4}}))?)?
      )
    | (?P<ip> \b\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?::\d{{1,5}})?\b )
    | (?P<addr> \b0x[0-9a-fA-F]+\b )
    | (?P<path>
          {re.escape(ROOT)}(?:/[\w.@+~-]+)*/?
        | (?<=['"]) /[^'"\n/]+/[^'"\n]* (?=['"])     # in quotation marks it may hold blanks
        | (?<![\w.<>])(?:/[\w.@+~-]+){{2,}}/?
        | (?<![\w.<>])/tmp\b/?
      )
    | (?P<list> \[[\[\s]* {_ELEMENT} (?:[\s,\[\]]+{_ELEMENT})* [\s,]*[\]\s]*\] )
    | (?P<duration> (?<![\w.])[-+]?{_DECIMAL}{_UNIT_OF_TIME} (?:[ ]?{_DECIMAL}{_UNIT_OF_TIME})* )
    | (?P<size> (?<![\w.])[-+]?{_DECIMAL}{_UNIT_OF_SIZE} )
    | (?P<n>
          (?<=\dx)\d+
        | (?<=[A-Za-z]_)\d{{4,}}\b                   # user_48213: no name that somebody gave
        | (?<![\w.])[-+]?{_DECIMAL}[-+]{_DECIMAL}j   # a complex number
        | (?<![\w.])\d+(?:\.\d+){{2,}}               # a version
        | (?<![\w.])\d+(?:st|nd|rd|th)\b
        | (?<![\w.])[-+]?{_DECIMAL}
        | (?<![\w.])[-+]?\.\d+(?:[eE][-+]?\d+)?
      )
"""
"""Volatile parts that begin with a sign, a point, a slash, a bracket, a digit or the root, by kind."""

_RARE_KINDS = rf"""
      (?P<url> \b[a-z][a-z0-9+.-]{{1,20}}://[^\s'\"<>)\]]+ )
    | (?P<drive>
          (?<=['"])[A-Za-z]:(?:\\{{1,2}}|/)[^'"\n:]+(?=['"])
        | \b[A-Za-z]:(?:\\{{1,2}}|/)[^\s'":]+
      )
    | (?P<date>
          \b(?:{_DAY},?[ ])?{_MONTH}[ ]{{1,2}}\d{{1,2}}
          (?: ,?[ ](?:{_CLOCK})? (?:[ ]?(?:[A-Z]{{3,4}}[ ])?(?:19|20)\d\d\b)? )?
        | \b{_DAY},[ ]\d{{1,2}}[ ]{_MONTH}[ ]\d{{4}}(?:[ ]{_CLOCK}(?:[ ](?:GMT|UTC|[+-]\d{{4}}))?)?
        | \bdatetime\.(?:datetime|date|time|timedelta)\([^()\n]*(?:\([^()\n]*\)[^()\n]*)?\)
      )
    | (?P<ip6>
          (?<![\w:]) (?=[0-9a-f:]{{0,39}}\d)        # letters and colons alone are names of C++
          (?: [0-9a-f]{{1,4}}(?::[0-9a-f]{{1,4}}){{7}}
            | (?:[0-9a-f]{{1,4}}:){{0,7}}:[0-9a-f:]{{0,37}}[0-9a-f] )
          (?![\w:])
      )
    | (?P<uuid> \b[0-9a-fA-F]{{8}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{12}}\b )
    | (?P<hex>
          \b(?!(?:bf16|a100)\b)(?!\d+e[-+]\d)(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{{4,}}\b
        | \b(?!\d+E[-+]\d)(?=[A-F]*\d)(?=\d*[A-F])[0-9A-F]{{6,}}\b
        | \b[a-f]{{8,}}\b                            # one id in thousands has letters alone
      )
    | (?P<worker> \bgw\d+\b )
    | (?P<tempfile> \btmp[a-z0-9_]{{8}}\b )
    | (?P<labelled>
          \b(?:\w*_)?(?:id|uid|token|nonce|session|digest|checksum|etag|hash|sha1|sha256|md5|commit|revision)
          ['"]?(?:[ ]?[=:][ ]?|[ ])['"]?
          (?:[0-9a-f]{{4,}}|(?=\w*\d)(?=\w*[a-z])(?=\w*[A-Z])\w{{8,}})\b
      )
"""
"""Volatile parts that may begin with a letter."""

_MASKED_TEXTS = (
    "2026-01-02T03:04:05Z", "127.0.0.1:8080", "0x7f31", "/tmp/pytest-of-x/out.txt", "/home/x/data/run.csv",
    "[0., 0.]", "256x128", "-1.5e-3", ".5", "0.24ms", "3 MiB", "user_48213", "2nd", "1.2.3",
)  # fmt: skip
_KEPT_TEXTS = ("float32", "v1_x", "a/b", "<tmp>", "C19", "bf16", "layer_12")

_FREQUENT = pattern(
    # the look-ahead names all first characters, which makes the scan several times faster
    rf"(?=[-+./\[<0-9])(?:{_FREQUENT_KINDS})",
    matches=_MASKED_TEXTS,
    rejects=_KEPT_TEXTS,
)
_ALL = pattern(
    rf"{_RARE_KINDS} | {_FREQUENT_KINDS}",
    matches=(
        *_MASKED_TEXTS, "http://host/x?y=1", "C:\\temp\\x", "a1b2c3d4e5f60718", "3f2a", "deadbeef", "gw3",
        "Mon Nov 30 07:20:02 UTC 2026", "fe80::1", "tmpk3j2h1_a", "session=cafe",
    ),
    rejects=(*_KEPT_TEXTS, "added", "a.py::test_x", "id of"),
)  # fmt: skip
_HAS_RARE = pattern(
    r"""
      :// | [A-Za-z]:[\\/] | [0-9a-f]{4} | [0-9A-F]{6} | \bgw\d | \btmp[a-z0-9_]{8} | datetime\. | ::
    | \b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)
    | (?:id|token|nonce|session|digest|checksum|etag|hash|sha1|sha256|md5|commit|revision)['"]?[ =:]
    """,
    matches=["see http://host", "C:\\x", "a1b2c3d4e5f60718", "worker gw3", "in May 2026"],
    rejects=["5 of 6", "0x7f", "the beam is off"],
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
_COUNTED = pattern(
    r"(?P<count> <n>[ ](?:\w+[ ])? ) (?P<word> [a-z]{2,}[a-rt-z] ) s\b",
    matches=["<n> rows", "<n> failed tests"],
    rejects=["<n> row", "<n> class"],
)
"""A noun behind a number: how many there are decides whether it is in the plural."""
_LABEL = re.compile(r".*[ =:'\"]")
_TOKEN = re.compile(r"<([a-z]+)>")
_TOKEN_OF_KIND = {"n": NUMBER, "hex": NUMBER, "tempfile": "<temporary>", "date": "<time>", "ip6": "<ip>"}
"""Kinds whose token is not simply their name."""


@lru_cache(maxsize=65536)
def masked(text: str, *, keep_zero: bool = False) -> str:
    """The text masked, white space folded; at most 2,000 characters of it are looked at.

    `keep_zero` leaves an exact zero as `0`: in a comparison it means something.
    """

    def token_of(found: re.Match[str]) -> str:
        kind, value = found.lastgroup or "", found[0]
        if kind == "list":
            return _array_token(value)
        if kind in ("path", "drive"):
            return masked_path(value)
        if kind == "labelled":
            label = _LABEL.match(value)
            return f"{label[0] if label else ''}{NUMBER}"
        if kind == "n" and keep_zero and _ZERO.fullmatch(value):
            return "0"
        return _TOKEN_OF_KIND.get(kind, f"<{kind}>")

    text = text[:_LONGEST]
    volatile = _ALL if _HAS_RARE.search(text) else _FREQUENT
    tokens = " ".join(volatile.sub(token_of, text).split())
    return _COUNTED.sub(r"\g<count>\g<word>", in_one_order(tokens))


def legible(text: str) -> str:
    """The text for people: numbers and times as they are, files of the project relative to its root; what
    nobody else's machine has by its kind.
    """

    def shown_as(found: re.Match[str]) -> str:
        kind, value = found.lastgroup or "", found[0]
        if kind in ("path", "drive"):
            return shown_path(value)
        if kind in ("addr", "ip", "ip6", "url", "uuid", "tempfile"):
            return _TOKEN_OF_KIND.get(kind, f"<{kind}>")
        return value

    return " ".join(_ALL.sub(shown_as, text[:_LONGEST]).split())


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
    numbers = re.findall(_NUMBER, text)
    if numbers and all(_ZERO.fullmatch(number) for number in numbers):
        return "[0]"
    return "[...]"

"""List the kinds of volatile parts that a message may have: each with its token and how it is found.

To mask another kind, add a row with examples here and see what it earns: `python -m benchmarks masking`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from triage.signature.checkout import ROOT
from triage.text.pattern import pattern

NUMBER = "<n>"
"""The token of a number, and of what may look like one: some hexadecimal ids have no letter."""
NAMED_CODE = "code"
"""The kind of a number that is kept: an exit code, a status of HTTP."""


class VolatileKind(NamedTuple):
    """One kind of volatile part."""

    name: str
    token: str
    expression: str
    """Verbose."""


_NUMBER = r"(?:\d[\d.]*(?:[eE][-+]?\d+)?)"
_ELEMENT = rf"(?:[-+]?(?:{_NUMBER}|nan|inf)j?|\.\.\.)"
"""One element of a printed array; long arrays have `...` in the middle."""
_DECIMAL = r"(?:\d[\d_,]*\d|\d)(?:\.\d*)?(?:[eE][-+]?\d+)?"
_UNIT_OF_TIME = r"""
    (?: [ ]? (?: [nmuµμ]?s(?:ecs?)? | (?:nano|micro|milli)?seconds? | mins? | minutes? | hrs? | hours? )
      | [mhd] ) (?: \b | (?=\d) )
"""
_UNIT_OF_SIZE = r"[ ]? (?: [kKMGTP]i?B | B | [kKMGTP]?bytes? ) \b"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_CLOCK = r"\d{1,2}:\d\d:\d\d(?:[.,]\d+)?"
_ZONE = r"(?:[ ](?:GMT|UTC|[+-]\d{4}))?"
_IDENTIFIERS = "id|uid|token|nonce|session|digest|checksum|etag|hash|sha1|sha256|md5|commit|revision"
"""Words before a value that nobody chose."""
_CODE = r"(?i:exit[ ]?(?:code|status) | return[ ]?code | status[_ ]?code | HTTP(?:[ ](?:status|error))?)"
"""Words before a number that names an end: a process that ended with 2 ended otherwise than one with 139."""

FREQUENT_KINDS = (
    VolatileKind("time", "<time>", rf"""
          \b\d{{4}}-\d\d-\d\d (?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?[ ]?(?:Z|UTC|[+-]\d\d:?\d\d)? )?
        | \b\d{{8}}T\d{{6}}Z?\b
        | \b\d{{1,2}}:\d\d[ ]?[AaPp][Mm]\b
        | \b\d{{1,2}}[/.]\d{{1,2}}[/.](?:19|20)\d\d\b
        | (?:\b\d+[ ]days?,[ ])? \b{_CLOCK}
        | \b\d{{1,2}}[ ]{_MONTH}[ ]\d{{4}}(?:[ ]{_CLOCK}{_ZONE})?
    """),
    # pytest's fixture request names the test that asks: each of those that fail alike names itself
    VolatileKind("request", "<request>", r"<\w+Request\b[^<>\n]{0,200}[ ]for[ ]<\w+[ ][^<>\n]{1,300}>>"),
    VolatileKind("ip", "<ip>", r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b"),
    VolatileKind("addr", "<addr>", r"\b0x[0-9a-fA-F]+\b"),
    VolatileKind("path", "<dir>", rf"""
          {re.escape(ROOT)}(?:/[\w.@+~-]+)*/?
        | (?<=['"]) /[^'"\n/<>|*?:;,]+/[^'"\n<>|*?:;,]* (?=['"])     # in quotation marks it may hold blanks
        | (?<![\w.<>])(?:/[\w.@+~-]+){{2,}}/?
        | (?<![\w.<>])/tmp\b/?
    """),
    VolatileKind("list", "[...]", rf"""
        \[[\[\s]* {_ELEMENT} (?:[\s,\[\]]+{_ELEMENT})* [\s,]*[\]\s]*\]
    """),
    VolatileKind("duration", "<duration>", rf"""
        (?<![\w.])[-+]? {_DECIMAL}{_UNIT_OF_TIME} (?:[ ]?{_DECIMAL}{_UNIT_OF_TIME})*
    """),
    VolatileKind("size", "<size>", rf"(?<![\w.])[-+]? {_DECIMAL}{_UNIT_OF_SIZE}"),
    VolatileKind("account", NUMBER, r"(?<=[A-Za-z]_)\d{4,}\b | (?<=\b[a-z])\d{5,}\b"),
    VolatileKind("complex", NUMBER, rf"(?<![\w.])[-+]?{_DECIMAL}[-+]{_DECIMAL}j"),
    VolatileKind("version", NUMBER, r"""
        (?<![\w.])\d+(?:\.\d+){2,} (?:[.-]?(?:a|b|rc|dev|post|alpha|beta)\.?\d*)? (?:\+\w[\w.]*)?
    """),
    VolatileKind("ordinal", NUMBER, r"(?<![\w.])\d+(?:st|nd|rd|th)\b"),
    VolatileKind("n", NUMBER, rf"""
          (?<=\dx)\d+
        | \b0[bo][0-7]+\b
        | (?<![\w.])[-+]?{_DECIMAL}
        | (?<![\w.])[-+]?\.\d+(?:[eE][-+]?\d+)?
    """),
)  # fmt: skip
"""Those that begin with a sign, a point, a slash, a bracket, a digit or the root. Of several at one place the
first counts.
"""
_FIRST_LETTERS = r"(?=[-+./\[<0-9])"
"""What the frequent ones begin with: to look for it first makes the scan several times faster."""

RARE_KINDS = (
    VolatileKind(NAMED_CODE, "", rf"""
          \b{_CODE} (?:[ ](?:was|is|of))? [ ]?[=:]?[ ]? -?\d{{1,5}} (?! \w | \.\d )
        | <\w*Response[ ]\[\d{{3}}\b
    """),
    # a pair of brackets is part of it: an address of IPv6, or what stands for a redacted login
    VolatileKind("url", "<url>", r"""
        \b [a-z][a-z0-9+.-]{1,20} :// (?: \[ [^\s\[\]'"<>()]{1,100} \] | [^\s'"<>()\[\]] | [(] )+
    """),
    VolatileKind("drive", "<dir>", r"""
          (?<=['"])[A-Za-z]:(?:\\{1,2}|/)[^'"\n:]+(?=['"])
        | \b[A-Za-z]:(?:\\{1,2}|/)[^\s'":]+
    """),
    VolatileKind("date", "<time>", rf"""
          \b(?:{_DAY},?[ ])?{_MONTH}[ ]{{1,2}}\d{{1,2}}\b
          (?: ,?[ ](?:{_CLOCK})? (?:[ ]?(?:[A-Z]{{3,4}}[ ])?(?:19|20)\d\d\b)? )?
        | \b{_DAY},?[ ]\d{{1,2}}[ ]{_MONTH}\b(?:[ ]\d{{4}}(?:[ ]{_CLOCK}{_ZONE})?)?
        | \b{_MONTH}[ ](?:19|20)\d\d\b
        | \bdatetime\.(?:datetime|date|time|timedelta)\([^()\n]*(?:\([^()\n]*\)[^()\n]*)?\)
    """),
    VolatileKind("mac", "<mac>", r"\b(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}\b"),
    VolatileKind("ip6", "<ip>", r"""
          (?<![\w:]) (?=[0-9a-f:]{0,39}\d)          # letters and colons alone are names of C++
          (?: [0-9a-f]{1,4}(?::[0-9a-f]{1,4}){7}
            | (?:[0-9a-f]{1,4}:){0,7}:[0-9a-f:]{0,37}[0-9a-f] )
          (?![\w:])
    """),
    VolatileKind("uuid", "<uuid>", r"""
        \b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b
    """),
    VolatileKind("hex", NUMBER, r"""
          # not: dtypes and devices that look so, numbers with an exponent
          \b(?!(?:bf16|a100)\b)(?!\d+e[-+]\d)(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{4,}\b
        | (?<=[A-Za-z]_)(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{6,}\b
        | \b(?!\d+E[-+]\d)(?=[A-F]*\d)(?=\d*[A-F])[0-9A-F]{6,}\b
        | \b[a-f]{8,}\b                              # one id in thousands has letters alone
    """),
    VolatileKind("bytes", "<bytes>", r"""
          \bb'(?=[^'\n]*\\x)(?:[^'\\\n]|\\.)*'
        | \bb\"(?=[^\"\n]*\\x)(?:[^\"\\\n]|\\.)*\"
    """),
    VolatileKind("worker", "<worker>", r"\bgw\d+\b"),
    VolatileKind("tempfile", "<temporary>", r"\btmp[a-z0-9_]{8}\b"),
    VolatileKind("labelled", NUMBER, rf"""
          \b(?:\w*_)?(?:{_IDENTIFIERS}) ['"]?(?:[ ]?[=:][ ]?|[ ])['"]?
          (?: [0-9a-f]{{4,}} | (?=[\w-]*\d)(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[\w-]{{8,}} | [\w-]{{20,}} )(?![\w-])
    """),
)  # fmt: skip
"""Those that may begin with a letter."""

_HAS_RARE = pattern(
    rf"""
      :// | [A-Za-z]:[\\/]
    | (?i:\bexit | (?:return|status)[_ ]?code | \bHTTP[ ]) | Response[ ]\[
    | (?:\b|_)[0-9a-f]{{4,}}\b | \b[0-9a-fA-F]{{6,}}\b
    | \bgw\d | \btmp[a-z0-9_]{{8}} | datetime\. | ::
    | \bb['"] | [0-9a-fA-F][:-][0-9a-fA-F]{{2}}[:-] | (?:{_IDENTIFIERS})['"]?[ =:]
    | \b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)
    """,
    matches=[
        "see http://host",
        "C:\\x",
        "a1b2c3d4e5f60718",
        "worker gw3",
        "in May 2026",
        "02:ec:d0:ac:4c:e6",
        "HTTP 404",
    ],
    rejects=["5 of 6", "0x7f", "the beam is off"],
)
"""Whether a text may hold one of the rare kinds: it must be true of all of them."""

MASKED = {
    "time": "2026-01-02T03:04:05Z", "ip": "127.0.0.1:8080", "addr": "0x7f31", "path": "/home/x/data/run.csv",
    "list": "[0., 0.]", "duration": "0.24ms", "size": "3 MiB", "account": "user_48213", "complex": "1.5-2j",
    "version": "1.2.3", "ordinal": "2nd", "n": "-1.5e-3", "url": "http://host/x?y=1", "drive": "C:\\temp\\x",
    "date": "Mon Nov 30 07:20:02 UTC 2026", "mac": "02:ec:d0:ac:4c:e6", "ip6": "fe80::1",
    "uuid": "0f8fad5b-d9cb-469f-a165-70867728950e", "hex": "3f2a", "bytes": "b'\\x00a'", "worker": "gw3",
    "tempfile": "tmpk3j2h1_a", "labelled": "session=cafe",
    NAMED_CODE: "exit code 9", "request": "<SubRequest 'f' for <Function test_x>>",
}  # fmt: skip
"""An example of each kind."""
_KEPT = (
    "float32",
    "v1_x",
    "a/b",
    "<tmp>",
    "C19",
    "bf16",
    "layer_12",
    "added",
    "a.py::test_x",
    "id of",
    "b'ab'",
)


def may_hold_rare_kind(text: str) -> bool:
    """Whether a text has what any of the rare kinds has."""
    return _HAS_RARE.search(text) is not None


class Scanner(NamedTuple):
    """Finds the volatile parts of a text; the name of the group that matched is that of the kind."""

    every: re.Pattern[str]
    frequent: re.Pattern[str]

    def of(self, text: str) -> re.Pattern[str]:
        """The expression to search this text with."""
        return self.every if may_hold_rare_kind(text) else self.frequent


def scanner(
    frequent: tuple[VolatileKind, ...] = FREQUENT_KINDS, rare: tuple[VolatileKind, ...] = RARE_KINDS
) -> Scanner:
    """A scanner for these kinds; the rare ones come first: digits in them are no numbers."""
    examples = [MASKED[kind.name] for kind in frequent]
    return Scanner(
        pattern(
            f"{_alternatives(rare)} | {_alternatives(frequent)}",
            matches=[*examples, *(MASKED[kind.name] for kind in rare)],
            rejects=_KEPT,
        ),
        pattern(f"{_FIRST_LETTERS}(?:{_alternatives(frequent)})", matches=examples, rejects=_KEPT),
    )


def _alternatives(kinds: tuple[VolatileKind, ...]) -> str:
    # a comment in an expression must not hide the bracket behind it
    return "|".join(f"(?P<{kind.name}>{kind.expression}\n)" for kind in kinds)

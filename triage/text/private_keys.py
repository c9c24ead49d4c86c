"""Find private keys in PEM blocks, also where the beginning or the end of a block was cut off."""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.text.mark import Span
from triage.text.pattern import pattern

HINT = "PRIVATE KEY"
BEGIN = r"-----BEGIN[ ](?:[A-Z0-9]+[ ]){0,4}PRIVATE[ ]KEY(?:[ ]BLOCK)?-----"
END = r"-----END[ ](?:[A-Z0-9]+[ ]){0,4}PRIVATE[ ]KEY(?:[ ]BLOCK)?-----"
MOST_BLOCK = 16 * 1024
"""Characters of one block; RSA keys of 16384 bits have 12,700."""
_BEGIN = pattern(
    BEGIN,
    matches=["-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----"],
    rejects=["-----BEGIN CERTIFICATE-----"],
)
_END = pattern(END, matches=["-----END PRIVATE KEY-----"], rejects=["-----END CERTIFICATE-----"])
_BREAK = (
    r"(?: [ \t]* (?: \r?\n | \\+r | \\+n | ['\"] [ \t]* [+,\\]? [ \t]* \r?\n )"
    r" [ \t]* (?: [E>|][ \t]+ )? [ \t]* ['\"bB]{0,2} )"
)
"""How a line ends inside a block, and what pytest, Python or YAML put before the next one."""
_REST = re.compile(
    rf"""
    (?: {_BREAK}* (?: [A-Za-z0-9+/=]{{8,}} | (?: Proc-Type | DEK-Info | Version | Comment ) :[^\n\\]* )
        (?= {_BREAK} | [^A-Za-z0-9 ] | $ ) )*
    (?: {_BREAK}* [A-Za-z0-9+/]{{0,7}} ={{1,2}} )?
    """,
    re.VERBOSE,
)
"""What goes on behind a first line while each line is one of a key."""
_LINE_BEFORE = re.compile(
    r"""
    (?: (?: ^ | [\n'"] | \\n ) [ \t]* (?: [E>|][ \t]+ )? [ \t]* ['"]? (?P<line> [A-Za-z0-9+/=]{8,} )
      | [ \t] (?P<last> [A-Za-z0-9+/=]{20,} ) )                  # behind a word:  AssertionError: MIIE...
    (?: \r?\n | \\+n | \\+r | ['"\s] | [E>|][ \t] )* \Z
    """,
    re.VERBOSE,
)
"""The line of a key that ends where the next one begins."""
_MOST_LINE = 200
_KEY_LINE = re.compile(r"""[ \t]*(?:[E>|][ \t]+)?[ \t]*['"]?[A-Za-z0-9+/=]{30,}(?:\\n)?['"]?[ \t\r]*""")
_KEY_LINE_END = re.compile(r"""[A-Za-z0-9+/=]{30,}(?:\\n)?['"]?[ \t\r]*\Z""")
_LINE_BREAK = re.compile(r"\r?\n|\\+n")
_LOGGED_KEY_LINE = re.compile(r"[A-Za-z0-9+/=]{16,}['\" \t\\,]*$")
"""A line of a log that ends with one of a key, however long its margin is."""
_MOSTLY = 0.8
_KEY_RUN = re.compile(r"[A-Za-z0-9+/=]{30,}")


def key_spans(text: str) -> Iterator[Span]:
    """Yield where private keys stand, the lines that name them included."""
    if HINT not in text:
        return
    position = 0
    for begin in _BEGIN.finditer(text):
        if begin.start() < position:
            continue
        limit = begin.end() + MOST_BLOCK
        other = _BEGIN.search(text, begin.end(), limit)
        end = _END.search(text, begin.end(), limit if other is None else other.start())
        if end is not None and _is_mostly_key(text[begin.end() : end.start()]):
            position = end.end()
        else:
            rest = _REST.match(text, begin.end())
            position = rest.end() if rest is not None else begin.end()
        yield Span(begin.start(), position)
    position = 0
    for end in _END.finditer(text):
        yield Span(_start_of_lines_before(text, end.start(), position), end.end())
        position = end.end()


def _is_mostly_key(body: str) -> bool:
    """Whether lines of a key make up what stands between two marks, or the end belongs to another key."""
    key_characters = sum(len(run) for run in _KEY_RUN.findall(body))
    if len(body) < _MOST_LINE or key_characters >= len(body) / 2:
        return True
    lines = [line for line in _LINE_BREAK.split(body) if line.strip()]
    ends_like_key = [line for line in lines if _LOGGED_KEY_LINE.search(line) is not None]
    return len(ends_like_key) >= _MOSTLY * len(lines) - 1  # the last one is the margin of the end mark


def _start_of_lines_before(text: str, end: int, floor: int) -> int:
    """Return where lines begin that look like those of a key and end here, not before `floor`."""
    start = end
    while start > floor:
        window = max(floor, start - _MOST_LINE)
        line = _LINE_BEFORE.search(text[window:start])
        if line is None:
            break
        start = window + (line.start("line") if line["line"] else line.start("last"))
    return start


def may_continue_from(text: str, cut: int) -> int:
    """Return where whole lines begin that may be those of a key and end at a cut: its end may come later."""
    start = cut
    while start > 0 and cut - start < MOST_BLOCK:
        before = text.rfind("\n", 0, start - 1) + 1
        line = text[before : start - 1]
        if _KEY_LINE_END.search(line[-_MOST_LINE:]) is None:
            break
        start = before
        if _KEY_LINE.fullmatch(line) is None:
            break  # words, and then the first line of what may be a key
    return start


def open_key(text: str) -> int | None:
    """Return where a private key begins that may go on behind this text; None where there is none."""
    if HINT not in text:
        return None
    for span in key_spans(text):
        is_ended = _END.search(text, max(span.start, span.end - _MOST_LINE), span.end) is not None
        behind = text[span.end : span.end + _MOST_LINE].lstrip("\r\n \t'\"")
        if not is_ended and "\n" not in behind and len(behind) < _MOST_LINE:
            return span.start
    return None

"""Read a quoted text out of another one: literals, JSON inside of JSON, HTML, percent-encoded quotes."""

from __future__ import annotations

import re

from triage.text.mark import Span
from triage.text.pattern import pattern

MOST_VALUE = 4096
"""Characters of a value; a longer one is taken up to here."""
QUOTE = r"""(?: \\*["'`] | &quot; | &\#3[49]; | &\#x2[27]; | &apos; | %2[27] | \\u002[27] )"""
"""A quote in any of its forms, for a VERBOSE expression."""
LINE_END = r"""(?: (?: \r?\n | \\+n ) [ \t]* (?: [E>|] [ \t]+ )? )"""
"""A line end, in a text or escaped in a literal, and the margin that pytest or YAML put behind it."""
OPENING = pattern(
    rf"""(?: [A-Za-z] (?=["']) | [A-Za-z]{{2}} (?=["']) )? (?P<quote> \"\"\" | \'\'\' | {QUOTE} )""",
    matches=["'x'", "b'x'", '\\"x\\"', "&quot;x", '"""x'],
    rejects=["x", "f(x)"],
    how="match",
)
"""A quote, and the letters of a literal before it."""
_CUT_OFF = re.compile(r"""\.\.\.|…|["'\s]""")
"""Where a literal ends that has no closing quote in its line."""


def quoted_text(text: str, opened: re.Match[str]) -> Span:
    """Return what stands up to the closing quote, or up to where the literal was cut off."""
    quote = opened["quote"]
    start = opened.end()
    limit = min(len(text), start + MOST_VALUE)
    end = _closing_quote(text, quote, start, limit)
    is_multiline = quote in ('"""', "'''")
    line_end = -1 if is_multiline else text.find("\n", start, limit)
    if line_end >= 0 and (end < 0 or line_end < end):
        end = -1
        limit = line_end
    if end < 0:
        cut = _CUT_OFF.search(text, start, limit)
        end = limit if cut is None else cut.start()
    return Span(start, end)


def _closing_quote(text: str, quote: str, start: int, limit: int) -> int:
    """Return where a quote stands again that no backslash escapes; -1 where there is none."""
    end = text.find(quote, start, limit)
    while end >= 0 and not quote.startswith("\\"):
        before = end
        while before > start and text[before - 1] == "\\":
            before -= 1
        if (end - before) % 2 == 0:
            break
        end = text.find(quote, end + 1, limit)
    return end

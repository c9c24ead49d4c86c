"""Take the inputs that Hypothesis generated out of a message: they are other ones with the next seed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.model.failure import Raised
from triage.text.hints import holds_any
from triage.text.pattern import pattern

EXAMPLE = "<example>"
_SHORTEST_BARE = 4
"""Characters of a generated text from which on it is looked for without its quotation marks: shorter ones
stand in other words by chance."""
_LOOKED_AT = 20_000

_HEADING = pattern(
    r"""
      (?:Falsifying|Failing)[ ](?:explicit[ ])?(?:example|test[ ]case):
    | \bDraw[ ]\d+(?:[ ]\([^)]*\))?:
    """,
    matches=["Falsifying example: test_a(", "Failing test case: test_a(", "Draw 1: 7", "Draw 2 (name): 'x'"],
    rejects=["an example: x"],
)
_HEADING_HINTS = ("Falsifying ", "Failing ", "Draw ")
"""Every heading begins with one of these, which `in` finds many times faster."""
_ARGUMENT = pattern(
    r"^\s*(?:\w+=|Draw[ ]\d+(?:[ ]\([^)]*\))?:[ ])(?P<value>\S.*?),?\s*(?:\#[ ]or[ ]any.*)?$",
    flags=re.MULTILINE,
    matches=["    text='0',", "    xs=[],  # or any other generated value", "Draw 1: 'x'"],
    rejects=["test_a("],
)
_CONTINUED = re.compile(r"\n {5,}")
"""Arguments stand behind four blanks."""
_ARGUMENT_OF_LINE = re.compile(r"(?<=[(\s])\w+=('[^'\n]*'|\"[^\"\n]*\")(?=[,)])")
_PLAIN_NUMBER = re.compile(r"[-+]?[\d.]+(?:e[-+]?\d+)?|True|False|None")
_GROUPED = re.compile(r"(?<=\d)_(?=\d)")
"""Hypothesis prints long numbers in groups, Python does not."""
_CALL_OF_TEST = pattern(
    r"\b(?P<heading>Hypothesis[ ])(?P<test>\w+)\(.*?\)(?=[ ]produces[ ]unreliable)",
    flags=re.DOTALL,
    matches=["Hypothesis test_a(x=0) produces unreliable results"],
    rejects=["Hypothesis found 2 distinct failures."],
)


def shows_example(raised: Raised) -> bool:
    """Whether the exception comes with a generated example."""
    return _has_heading(raised.message) or any(_has_heading(note) for note in raised.notes)


def _has_heading(text: str) -> bool:
    return holds_any(text, _HEADING_HINTS) and _HEADING.search(text) is not None


def without_example(raised: Raised) -> str:
    """The message of the exception, with `<example>` for each generated value that it quotes."""
    message = raised.message
    if not shows_example(raised):
        return _CALL_OF_TEST.sub(r"\g<heading>\g<test>", message)
    heading = _HEADING.search(message)
    own, printed = (message[: heading.start()], message[heading.start() :]) if heading else (message, "")
    for value in sorted(set(_values((printed, *raised.notes))), key=len, reverse=True):
        own = own.replace(value, EXAMPLE)
    return own.rstrip() if printed else own


def _values(texts: tuple[str, ...]) -> Iterator[str]:
    """Generated values as their repr has them, and long texts without quotation marks too."""
    for text in texts:
        if not _HEADING.search(text):
            continue
        looked_at = text[:_LOOKED_AT]
        joined = _CONTINUED.sub(" ", looked_at)  # a long list has an element a line, a message has it on one
        found = [match["value"] for match in _ARGUMENT.finditer(joined)]
        found += _ARGUMENT_OF_LINE.findall(looked_at)
        for value in found:
            if _PLAIN_NUMBER.fullmatch(value):
                continue  # masked anyway, or a word of any message
            yield value
            yield _GROUPED.sub("", value)
            if value[0] in "'\"" and len(value) >= _SHORTEST_BARE + 2:
                yield value[1:-1]

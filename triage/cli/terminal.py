"""What reaches a person's terminal: text that acts on nothing, counts in words."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from triage.text.pattern import pattern
from triage.text.plural import counted_noun

if TYPE_CHECKING:
    from triage.model.quarantine import Quarantine
    from triage.model.run import Counts

_CONTROL = pattern(
    r"""
    [\x00-\x08\x0b-\x1f\x7f-\x9f]        # control characters, but for tab and newline
    | [\u2028\u2029]                       # line and paragraph separators
    | [\u202a-\u202e\u2066-\u2069]         # changes of the direction of writing
    | [\ud800-\udfff]                      # halves of a character
    """,
    matches=["\x1b[31m", "a\rb", "\u202e", "\x9b2J", "\udc80"],
    rejects=["plain\ttext\n", "Grüße", "∂"],
)
_CI_COMMAND = pattern(
    r"^(\s*) (::|\#\#\[)",
    matches=["::error::x", "  ##[group]", "text\n::set-env x"],
    rejects=["a::b", "tests/test_a.py::test_b", "# ##[x"],
    flags=re.MULTILINE,
)


def safe(text: str) -> str:
    """The text with control characters spelled out, so that nothing in it acts on a terminal or a CI.

    A line that would begin with `::` or `##[` (commands to a CI system) gets a leading bar.
    """
    spelled = _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
    return _CI_COMMAND.sub(r"\1|\2", spelled)


def one_line(text: str) -> str:
    """Safe text on a single line."""
    return safe(text).replace("\n", "\\n").replace("\t", " ")


def counted(counts: Counts) -> str:
    """How many tests had each outcome that occurs: `3 passed, 1 not run`."""
    numbers = counts.model_dump(exclude={"collected"})
    words = []
    for name, number in numbers.items():
        if number:
            words.append(_counted_outcome(name, number))
    return ", ".join(words) or "nothing"


def _counted_outcome(name: str, number: int) -> str:
    match name:
        case "error":
            return counted_noun(number, "error")
        case "timeout":
            return f"{number} timed out"
        case "collect_errors":
            return f"{counted_noun(number, 'collection error')}"
        case _:
            return f"{number} {name.replace('_', ' ')}"


def quarantine_line(quarantine: Quarantine, today: date) -> str:
    """What is in quarantine, until or since when, who answers for it, and why."""
    return f"{quarantine.subject} {quarantine.in_words(today)}"

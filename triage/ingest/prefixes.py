"""What build servers write before each line of a log: times, stream marks, section marks; taken off again."""

from __future__ import annotations

import re
from collections.abc import Callable

_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
_PREFIX = re.compile(
    rf"\[?{_TIME}\]?(?: \d\d[OE]\+?)? ?"  # GitHub, Azure, GitLab (with its stream mark), Jenkins
    r"|\[\d\d:\d\d:\d\d(?:\.\d+)?\](?: *:)?[ \t]?"  # TeamCity, Jenkins
    r"|#\d{1,4} \d+\.\d+ ?"  # a container's build
)
_SECTION = re.compile(r"^(?:section_(?:start|end):\d+:[\w.-]*(?:\[[^\]\n]{0,200}\])?\s*)+")
_ASKED = 200
"""How many lines with text are asked whether they have a prefix."""


def unprefixed(head: str) -> Callable[[str], str]:
    """A function that takes the prefix off a line, if most lines of `head` have one; else only section marks.

    A log without a prefix may well have lines that begin with a time of their own: those stay.
    """
    lines = [line for line in head.splitlines() if line.strip()][:_ASKED]
    with_prefix = sum(_PREFIX.match(line) is not None for line in lines)
    if 2 * with_prefix <= len(lines):
        return _without_section
    return lambda line: _without_section(_PREFIX.sub("", line, count=1) if _PREFIX.match(line) else line)


def _without_section(line: str) -> str:
    return _SECTION.sub("", line) if line.startswith("section_") else line

"""Compile regular expressions that carry their own examples."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

How = Literal["search", "match", "fullmatch"]


class Example(NamedTuple):
    """One pattern with the texts that it must and must not find."""

    pattern: re.Pattern[str]
    how: How
    matches: tuple[str, ...]
    rejects: tuple[str, ...]


EXAMPLES: list[Example] = []
"""Every pattern made here, in the order of import; `tests/text/test_patterns.py` runs them all."""


def pattern(
    expression: str,
    *,
    matches: Sequence[str],
    rejects: Sequence[str],
    flags: re.RegexFlag = re.NOFLAG,
    how: How = "search",
) -> re.Pattern[str]:
    """Compile a VERBOSE expression and remember its examples.

    `how` is the method by which the code uses the pattern, and the one by which the examples are tried.
    In VERBOSE mode a blank is written `[ ]` or `\\s`, and a hash `\\#`.
    """
    compiled = re.compile(expression, flags | re.VERBOSE)
    EXAMPLES.append(Example(compiled, how, tuple(matches), tuple(rejects)))
    return compiled

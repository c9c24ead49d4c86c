"""Regular expressions that carry their own examples, compiled when they are first used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, NamedTuple, cast

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
    """Return a VERBOSE expression, which is compiled on its first use, and remember its examples.

    `how` is the method by which the code uses the pattern, and the one by which the examples are tried.
    In VERBOSE mode a blank is written `[ ]` or `\\s`, and a hash `\\#`.
    """
    # it has every method and attribute of a pattern, but is none to `isinstance`
    made = cast("re.Pattern[str]", _CompiledOnUse(expression, flags | re.VERBOSE))
    EXAMPLES.append(Example(made, how, tuple(matches), tuple(rejects)))
    return made


class _CompiledOnUse:
    """An expression that waits for its first use: a process uses few of the hundreds that it imports."""

    def __init__(self, expression: str, flags: re.RegexFlag) -> None:
        self.pattern, self._flags = expression, flags

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern, self._flags)

    def __getattr__(self, name: str) -> Any:
        """Return what the compiled pattern has, and keep it, so that this is called once for each name."""
        if name.startswith("__"):
            # a pattern is never copied, pickled or compared here
            raise AttributeError(name)
        value = getattr(self._compiled, name)
        setattr(self, name, value)
        return value

"""Give a failure a title that people tell it by: its own words, cut so that what differs is still there."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import partial

from triage.model.failure import Failure
from triage.signature.checkout import in_any_checkout
from triage.signature.comparison import Sides, sides
from triage.signature.masking import legible
from triage.signature.root_error import RootError, root_error
from triage.signature.wording import LONGEST_TITLE, headline, is_assertion
from triage.text.markup import visible
from triage.text.pattern import pattern

_EXPLAINED_LINES = 60
"""Lines of pytest's explanation in which the difference is looked for."""
_BEFORE_DIFFERENCE = 3
"""Of a side that is cut, one part in so many stands before the difference."""
_CUT = "..."
_TELLS_DIFFERENCE = pattern(
    r"""
    ^\s* (?P<told>
        At[ ]index[ ]\d+[ ]diff:[ ].+
      | (?:Left|Right)[ ]contains[ ].+
      | Extra[ ]items[ ]in[ ].+
      | (?<= Differing[ ]items: \n ) \s* \{ .+ \}[ ]!=[ ]\{ .+ \}
    )
    """,
    flags=re.MULTILINE,
    matches=[
        "  At index 3 diff: 1 != 2",
        "Left contains one more item: 5",
        "Differing items:\n  {'b': 1} != {'b': 2}",
    ],
    rejects=["Use -v to get more diff", "assert index 3"],
)
_DUE_AND_GOT = pattern(
    r"^\s* -[ ](?P<due>.+) \n (?: \s* \?[ ].*\n )? \s* \+[ ](?P<got>.+) $",
    flags=re.MULTILINE,
    matches=["- one\n+ two", "  - one\n  ? ^\n  + two"],
    rejects=["+ one\n- two"],
)
"""The first lines that differ of two texts, as pytest shows them."""
_BARE_VALUE = pattern(
    r"^assert[ ](?:not[ ])?(?: False | True | None | 0 | '' | [\[] [\]] | [{] [}] | [(] [)] | set[(][)] )$",
    matches=["assert False", "assert not True", "assert []", "assert ''"],
    rejects=["assert False == True", "assert [1]", "assert 0 > 1"],
)
"""What pytest shows of an assertion whose expression is no comparison."""
_WHAT_DIFFERS = frozenset({"url", "path", "drive"})
"""Kinds that an equality shows as they are: `'/a/b' == '/a/./b'` are both a file in some folder."""


def title_of(failure: Failure) -> str:
    """A line about this one failure, with its numbers and generated values."""
    shown_values = tuple(raised.model_copy(update={"notes": ()}) for raised in failure.chain)
    as_raised = failure.model_copy(update={"chain": shown_values})
    error = root_error(in_any_checkout(as_raised))
    compared = Sides() if error.said or not is_assertion(error) else _compared(error.message)
    is_equality = compared.operator in ("==", "!=")
    shown = partial(legible, kept=_WHAT_DIFFERS if is_equality else ())
    return visible(_of_comparison(error, compared, shown) or _of_bare_value(error) or headline(error, shown))


def _compared(message: str) -> Sides:
    """The sides of an assertion, of `unittest`'s too, which does not begin with the word."""
    return sides(message) if message.startswith("assert ") else sides(f"assert {message}")


def _of_comparison(error: RootError, compared: Sides, shown: Callable[[str], str]) -> str:
    """The title of an assertion whose whole line would not show what differs; empty where it would."""
    if not compared.operator or not error.message.startswith("assert "):
        return ""
    # both sides in one text: what one of them alone would be masked to, the other may be too
    line = shown(f"assert {compared.left} {compared.operator} {compared.right}")
    left, operator, right = sides(line)
    if operator == "==" and left == right:
        return _explained(error.message, left)
    if len(line) <= LONGEST_TITLE:
        return ""
    return _cut_to_difference(left, operator, right)


def _of_bare_value(error: RootError) -> str:
    """`assert False` may be of anything: the asserted expression says of what. Empty where none is known."""
    shown = error.message.partition("\n")[0].strip()
    if error.said or not error.frames or not _BARE_VALUE.match(shown):
        return ""
    expression = _asserted(error.frames[-1].code or "")
    if not expression or f"assert {expression}" == shown:
        return ""
    return legible(f"{shown}: {expression}")[:LONGEST_TITLE]


def _asserted(code: str) -> str:
    """The expression of an assert statement, without its message; empty for all else, also for a part."""
    try:
        (statement,) = ast.parse(code.strip()).body
    except (SyntaxError, ValueError):
        return ""
    if not isinstance(statement, ast.Assert):
        return ""
    return ast.get_source_segment(code.strip(), statement.test) or ""


def _explained(message: str, side: str) -> str:
    """Of two sides that print alike: what pytest says below of their difference."""
    explanation = "\n".join(message.splitlines()[1:_EXPLAINED_LINES])
    if differing := _DUE_AND_GOT.search(explanation):
        return _cut_to_difference(differing["got"], "==", differing["due"])
    if told := _TELLS_DIFFERENCE.search(explanation):
        return legible(told["told"])[:LONGEST_TITLE]
    return f"assert failed though both sides print as {side}"[:LONGEST_TITLE]


def _cut_to_difference(left: str, operator: str, right: str) -> str:
    """A comparison of which each side keeps the place where the two begin to differ."""
    room = (LONGEST_TITLE - len(f"assert  {operator} ")) // 2
    first = _first_difference(left, right)
    return f"assert {_cut(left, first, room)} {operator} {_cut(right, first, room)}"


def _first_difference(left: str, right: str) -> int:
    for index, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return index
    return min(len(left), len(right))


def _cut(text: str, around: int, room: int) -> str:
    """The part of a text around a place, with marks where something is left out."""
    if len(text) <= room:
        return text
    start = max(0, around - room // _BEFORE_DIFFERENCE)
    before = _CUT if start > len(_CUT) else ""
    start = start if before else 0
    rest = text[start:]
    if len(before) + len(rest) <= room:
        return before + rest
    return before + rest[: room - len(before) - len(_CUT)] + _CUT

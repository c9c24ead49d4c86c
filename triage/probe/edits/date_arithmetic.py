"""Repair sums of dates that leave the calendar: 29 February, the end of a month, the month after December.

Only what Python refuses is repaired (`day is out of range for month`, `month must be in 1..12`), at the line
that raised. Which day stands for one that does not exist is a decision: each usual one is an edit of its own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from triage.probe.edits.imports import with_import
from triage.probe.sources import module_of, spans, tree_of
from triage.text.pattern import pattern
from triage.text.replaced_expression import with_replaced

OFF_THE_CALENDAR = pattern(
    r"""
    day [ ] is [ ] out [ ] of [ ] range [ ] for [ ] month
    | day [ ] \d+ [ ] must [ ] be [ ] in [ ] range     # as later versions of Python say it
    | month [ ] must [ ] be [ ] in [ ] 1\.\.12
    """,
    matches=[
        "ValueError: day is out of range for month",
        "day 29 must be in range 1..28 for month 2 in year 2025",
        "month must be in 1..12, not 13",
    ],
    rejects=["hour must be in 0..23", "IndexError: list index out of range"],
)
"""What Python says of a date that there is not."""
_LAST_DAY = "the last day of a month stands for a day that it does not have"
_FIRST_OF_MARCH = "1 March stands for 29 February in years without one"
_NEXT_YEAR = "the month after December is January of the next year"


@dataclass(frozen=True)
class _Date:
    """A date that a call makes: source texts of its parts, and where the call stands."""

    call: ast.Call
    year: str
    month: str
    day: str
    base: str
    """The date whose `replace` is called; empty for `date(...)` and `datetime(...)`."""
    rest: tuple[str, ...]
    """Other arguments, as they are written."""


def repaired_dates(source: str, line: int) -> Iterator[tuple[str, str]]:
    """Title and new text of each edit of the innermost date that is made at this line."""
    made = _date_at(source, line)
    if made is None:
        return
    carried = _carried(made)
    if carried is not None:
        year, month = carried
        text = _with_call(source, made, year, month, _clamped(made, year, month))
        if text is not None:
            yield _NEXT_YEAR, text
        return
    text = _with_call(source, made, made.year, made.month, _clamped(made, made.year, made.month))
    if text is not None:
        yield _LAST_DAY, text
    text = _with_first_of_march(source, made)
    if text is not None:
        yield _FIRST_OF_MARCH, text


def _date_at(source: str, line: int) -> _Date | None:
    tree = tree_of(source)
    statements = [node for node in ast.walk(tree or ast.Module([], [])) if isinstance(node, ast.stmt)]
    around = [node for node in statements if spans(node, line) and not hasattr(node, "body")]
    for statement in around:
        for node in ast.walk(statement):
            made = _of_call(source, node) if isinstance(node, ast.Call) else None
            if made is not None:
                return made
    return None


def _of_call(source: str, call: ast.Call) -> _Date | None:
    """What date a call makes; None of another call, and of one on several lines or with `*` arguments."""
    one_line = call.lineno == call.end_lineno
    if not one_line or any(isinstance(word, ast.Starred) for word in call.args):
        return None
    given = {word.arg: _text(source, word.value) for word in call.keywords if word.arg is not None}
    if len(given) < len(call.keywords):
        return None
    places = dict(zip(("year", "month", "day"), (_text(source, word) for word in call.args), strict=False))
    rest = [_text(source, word) for word in call.args[3:]]
    parts = {**places, **given}
    rest += [f"{name}={text}" for name, text in given.items() if name not in ("year", "month", "day")]
    function = call.func
    if isinstance(function, ast.Attribute) and function.attr == "replace":
        if call.args or not parts.keys() & {"year", "month", "day"}:
            return None  # texts have a `replace`, too
        base = _text(source, function.value)
        year, month, day = (parts.get(name, f"{base}.{name}") for name in ("year", "month", "day"))
        return _Date(call, year, month, day, base, tuple(rest))
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name not in ("date", "datetime") or not {"year", "month", "day"} <= parts.keys():
        return None
    return _Date(call, parts["year"], parts["month"], parts["day"], "", tuple(rest))


def _carried(made: _Date) -> tuple[str, str] | None:
    """Year and month where months are counted on (`d.month + 1`); None where they are not."""
    try:
        month = ast.parse(made.month, mode="eval").body
    except SyntaxError:
        return None
    if not isinstance(month, ast.BinOp) or not isinstance(month.op, ast.Add):
        return None
    start = ast.get_source_segment(made.month, month.left) or ""
    step = month.right
    if not start.endswith(".month") or not isinstance(step, ast.Constant):
        return None
    months = step.value
    if not isinstance(months, int):
        return None
    if months == 1:
        return f"{made.year} + {start} // 12", f"{start} % 12 + 1"
    counted = f"({start} - 1 + {months})"
    return f"{made.year} + {counted} // 12", f"{counted} % 12 + 1"


def _clamped(made: _Date, year: str, month: str) -> str:
    return f"min({made.day}, calendar.monthrange({year}, {month})[1])"


def _with_call(source: str, made: _Date, year: str, month: str, day: str) -> str | None:
    """The source with these parts in the call, and the import that the day needs."""
    if made.base:
        parts = {"year": (year, f"{made.base}.year"), "month": (month, f"{made.base}.month")}
        words = [f"{name}={text}" for name, (text, usual) in parts.items() if text != usual]
        new = f"{made.base}.replace({', '.join([*words, f'day={day}', *made.rest])})"
    else:
        function = _text(source, made.call.func)
        new = f"{function}({', '.join([year, month, day, *made.rest])})"
    module = module_of(_replaced(source, made.call, new))
    return with_import(module, "calendar").code if module is not None else None


def _with_first_of_march(source: str, made: _Date) -> str | None:
    """The statement tried, and once more for 1 March; None where another part than the year is changed."""
    if not made.base or made.month != f"{made.base}.month" or made.day != f"{made.base}.day":
        return None
    lines = source.splitlines(keepends=True)
    number = made.call.lineno - 1
    line = lines[number].rstrip("\n")
    text = line.lstrip()
    if not text.startswith("return ") and not text.partition(" ")[2].startswith("= "):
        return None
    margin = line[: len(line) - len(text)]
    words = ", ".join([f"year={made.year}", "month=3", "day=1", *made.rest])
    other = with_replaced(line, made.call, f"{made.base}.replace({words})")
    step = "    "
    lines[number] = (
        f"{margin}try:\n{margin}{step}{text}\n{margin}except ValueError:  # 29 February in a common year\n"
        f"{margin}{step}{other.lstrip()}\n"
    )
    return "".join(lines)


def _replaced(source: str, node: ast.expr, new: str) -> str:
    """The source with another text in the place of an expression on one line."""
    lines = source.splitlines(keepends=True)
    lines[node.lineno - 1] = with_replaced(lines[node.lineno - 1], node, new)
    return "".join(lines)


def _text(source: str, node: ast.expr) -> str:
    return ast.get_source_segment(source, node) or ast.unparse(node)

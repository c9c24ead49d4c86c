"""Find the values of a failing assertion in the frames of its traceback: what it got, what it worked with.

pytest's rewritten `assert` leaves each intermediate value in a local variable of the frame, where it still is
when the assertion has failed. Assertions of libraries (`assertEqual`, `assert_allclose`, `assert_close`) have
the two values as their first arguments.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

from triage.instruments.product_files import product_path, test_path

_INTERMEDIATE = "@py_assert"
"""How the local variables of a rewritten assertion begin."""
_WORD = re.compile(r"[A-Za-z_]\w*")
_MOST_LINES = 30
"""Of one statement: a longer one is a table of data."""
_NO_OPERAND = (type(re), type(lambda: None), type)
"""What a name stands for that is no value: modules, functions, classes."""


@dataclass(frozen=True)
class Place:
    """The innermost frame of the tests in a traceback, and what it called that raised."""

    frame: FrameType
    path: str
    """Relative to the root."""
    first_line: int
    last_line: int
    """Lines of the failing expression."""
    beyond: FrameType | None
    """The frame that it called; None where the test's own line raised."""
    in_product: bool
    """Whether a frame of the product lies beyond: the product raised, or passed an exception on."""


def failing_place(root: str, trace: TracebackType | None) -> Place | None:
    """Return where the tests failed; None for a failure outside of any test's code."""
    steps: list[TracebackType] = []
    while trace is not None:
        steps.append(trace)
        trace = trace.tb_next
    for index in range(len(steps) - 1, -1, -1):
        frame = steps[index].tb_frame
        path = test_path(root, frame.f_code.co_filename)
        if path is None:
            continue
        beyond = [step.tb_frame for step in steps[index + 1 :]]
        first, last = _lines_of(steps[index])
        return Place(
            frame=frame,
            path=path,
            first_line=first,
            last_line=last,
            beyond=beyond[0] if beyond else None,
            in_product=any(product_path(root, other.f_code.co_filename) for other in beyond),
        )
    return None


def _lines_of(step: TracebackType) -> tuple[int, int]:
    """First and last line of what the frame was evaluating."""
    positions = list(step.tb_frame.f_code.co_positions())
    index = step.tb_lasti // 2
    if 0 <= index < len(positions):
        first, last, _, _ = positions[index]
        if first is not None and last is not None:
            return min(first, step.tb_lineno), max(last, step.tb_lineno)
    return step.tb_lineno, step.tb_lineno


def compared_by_library(place: Place) -> tuple[Any, Any] | None:
    """The first two arguments of a library's assertion, which is what it compared: got and due."""
    if place.beyond is None or place.in_product:
        return None
    code = place.beyond.f_code
    if "assert" not in code.co_name.lower():
        return None
    arguments = [name for name in code.co_varnames[: code.co_argcount] if name not in ("self", "cls")]
    values = place.beyond.f_locals
    if len(arguments) < 2 or any(name not in values for name in arguments[:2]):
        return None
    got, due = arguments[:2]
    return values[got], values[due]


def operands(place: Place) -> Iterator[Any]:
    """The values that the failing line worked with: intermediate ones first, then those of its names."""
    values = place.frame.f_locals
    for name, value in values.items():
        if name.startswith(_INTERMEDIATE) and not isinstance(value, _NO_OPERAND):
            yield value
    lines = range(place.first_line, min(place.last_line, place.first_line + _MOST_LINES) + 1)
    text = "".join(linecache.getline(place.frame.f_code.co_filename, line) for line in lines)
    for name in dict.fromkeys(_WORD.findall(text)):
        if name in values and not isinstance(values[name], _NO_OPERAND):
            yield values[name]

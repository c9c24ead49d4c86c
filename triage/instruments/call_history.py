"""Remember what product functions returned lately, and which functions ran beneath each of these calls.

Asked when a test has failed: which function gave the value that the failing assertion compared? No object of
the program is kept: plain values are compared by equality, all others by identity, which is sure as long as
whoever asks holds the object.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

from triage.instruments.executed import CallListener
from triage.instruments.product_files import test_path

_MOST_RETURNS = 5000
"""Of one test, the latest: what reaches a failing assertion was mostly returned shortly before it."""
_PLAIN = (int, float, complex, str, bytes)
"""Immutable types without destructor: to keep such a value changes nothing."""
_LONGEST_PLAIN = 10_000
_EXPLAINING = (
    "/_pytest/assertion/",
    "/_pytest/_io/",
    "/unittest/util.py",
    "/numpy/testing/",
    "/torch/testing/",
)
"""Files whose functions call the product's `__repr__` once an assertion has failed."""
_MOST_CALLERS_OF_REPR = 60
"""Frames between such a function and the product's: containers within containers."""
_MOST_CALLERS = 12
"""Frames of libraries that may lie between a test and the function that it calls: decorators, mocks."""


@dataclass(frozen=True)
class Return:
    """One call that ended."""

    function: int
    """Number of the function, as in `Executed.functions`."""
    value: Any
    """The value where it is plain, else None."""
    kind: type
    identity: int
    beneath: int
    """Bit n is set where function n ran during the call; the function itself included."""
    caller: tuple[str, int] | None
    """File and line of the test that called, where it was no product function that did."""

    @property
    def is_outermost(self) -> bool:
        """Whether a test called it, and no product function did."""
        return self.caller is not None

    def gave(self, value: Any) -> bool:
        """Whether it returned this very value: the same object, or a plain one that is equal."""
        if type(value) is not self.kind:
            return False
        if self.kind in _PLAIN:
            return bool(self.value == value) and self.value is not None
        return self.identity == id(value)


class CallHistory(CallListener):
    """The latest returns of one test."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._local = threading.local()
        self.returns: deque[Return] = deque(maxlen=_MOST_RETURNS)
        """Oldest first."""
        self._explaining = False
        self.unwound_last: int = 0
        """What ran beneath the outermost call that an exception left last; as in `Return.beneath`."""

    def ignores_new_code(self) -> bool:
        """What shows values for the explanation of a failure is no doing of the test."""
        return self._explaining or (not self._stack() and _is_explaining(self._root))

    @property
    def ignores_lines(self) -> bool:
        """As for new code."""
        return self._explaining

    def entered(self, number: int) -> None:
        """Begin to collect what runs beneath the call."""
        stack = self._stack()
        if not stack and _is_explaining(self._root):
            self._explaining = True
        stack.append([number, 1 << number])

    def left(self, number: int, value: Any) -> None:
        """Keep the return."""
        beneath = self._pop(number)
        if self._explaining:
            self._explaining = bool(self._stack())
            return
        kind = type(value)
        is_plain = kind in _PLAIN and (kind in (int, float, complex) or len(value) <= _LONGEST_PLAIN)
        self.returns.append(
            Return(
                function=number,
                value=value if is_plain else None,
                kind=kind,
                identity=id(value),
                beneath=beneath,
                caller=None if self._stack() else _calling_test(self._root),
            )
        )

    def unwound(self, number: int) -> None:
        """Keep what ran beneath a call that an exception left."""
        beneath = self._pop(number)
        if self._explaining:
            self._explaining = bool(self._stack())
        elif not self._stack():
            self.unwound_last = beneath

    def newest(self) -> Iterator[Return]:
        """The returns, newest first."""
        return reversed(self.returns)

    def _stack(self) -> list[list[int]]:
        """The product calls that run in this thread: number, and what ran beneath it."""
        stack: list[list[int]] | None = getattr(self._local, "stack", None)
        if stack is None:
            stack = self._local.stack = []
        return stack

    def _pop(self, number: int) -> int:
        """End a call; returns what ran beneath it."""
        stack = self._stack()
        # the start of the record fell into a call, or a generator was closed: its entry is not there
        if not stack or stack[-1][0] != number:
            return 1 << number
        _, beneath = stack.pop()
        if stack:
            stack[-1][1] |= beneath
        return beneath


def _is_explaining(root: str) -> bool:
    """Whether an assertion that has failed is being worded: pytest and others show values then."""
    frame: FrameType | None = sys._getframe(2)
    for _ in range(_MOST_CALLERS_OF_REPR):
        if frame is None or test_path(root, frame.f_code.co_filename) is not None:
            return False
        if any(part in frame.f_code.co_filename for part in _EXPLAINING):
            return True
        frame = frame.f_back
    return False


def _calling_test(root: str) -> tuple[str, int] | None:
    """File (relative to the root) and line of the nearest frame that is a test's."""
    frame: FrameType | None = sys._getframe(2)
    for _ in range(_MOST_CALLERS):
        if frame is None:
            return None
        path = test_path(root, frame.f_code.co_filename)
        if path is not None:
            return path, frame.f_lineno
        frame = frame.f_back
    return None

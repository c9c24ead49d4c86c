"""Meter: record whether the test reaches the statement at which it failed.

Settings: {"path": "tests/test_a.py", "first": 12, "last": 14}, the lines of that statement. When the test
is over one line says whether the statement was reached (`hit`), and whether it was `hollow`: whether every
generator expression in it was consumed and yielded nothing, as in `all(valid(row) for row in [])`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

import pytest

from triage.instruments.base import Writer, settings

_SETTINGS = settings("reach")
_PATH = os.path.join(os.getcwd(), *str(_SETTINGS.get("path", "")).split("/"))
_FIRST, _LAST = int(_SETTINGS.get("first", 0)), int(_SETTINGS.get("last", 0))
_WRITER = Writer("reach")


class _Watch:
    """What one test was seen to do; only frames of the watched file are followed line by line."""

    def __init__(self) -> None:
        self.seen = False
        """Whether anything of the file ran: it may go by another name here."""
        self.hit = False
        self.resumed: dict[FrameType, int] = {}
        """How often each generator expression was resumed: once where it yields nothing."""
        self._is_watched: dict[CodeType, bool] = {}

    def on_call(self, frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        if code not in self._is_watched:
            self._is_watched[code] = os.path.abspath(code.co_filename) == _PATH
        if not self._is_watched[code]:
            return None
        self.seen = True
        if code.co_name == "<genexpr>" and _FIRST <= code.co_firstlineno <= _LAST:
            self.resumed[frame] = self.resumed.get(frame, 0) + 1
        return self.on_line

    def on_line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line" and _FIRST <= frame.f_lineno <= _LAST:
            self.hit = True
        return self.on_line


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Trace the test itself; restore the tracer that was there."""
    if not _FIRST:
        return (yield)
    watch = _Watch()
    before = sys.gettrace()
    sys.settrace(watch.on_call)
    try:
        return (yield)
    finally:
        sys.settrace(before)
        hollow = bool(watch.resumed) and all(times == 1 for times in watch.resumed.values())
        if watch.seen:
            _WRITER.write("reached", nodeid=item.nodeid, hit=watch.hit, hollow=hollow)

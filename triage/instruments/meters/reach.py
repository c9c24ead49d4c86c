"""Meter: does the test come to the line at which it failed?

Settings: {"path": "tests/test_a.py", "first": 12, "last": 14}, the statement that failed. When the test is
over one line says whether the statement was reached (`hit`), and whether it was hollow: whether every
generator expression in it was asked and had nothing to give, as in `all(valid(row) for row in [])`.
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
        self.seen = self.hit = False
        self.asked: dict[FrameType, int] = {}
        self._ours: dict[CodeType, bool] = {}

    def called(self, frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        if code not in self._ours:
            self._ours[code] = os.path.abspath(code.co_filename) == _PATH
        if not self._ours[code]:
            return None
        self.seen = True
        if code.co_name == "<genexpr>" and _FIRST <= code.co_firstlineno <= _LAST:
            self.asked[frame] = self.asked.get(frame, 0) + 1
        return self.line

    def line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line" and _FIRST <= frame.f_lineno <= _LAST:
            self.hit = True
        return self.line


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """The test itself; somebody's tracer gets its place back."""
    if not _FIRST:
        return (yield)
    watch, before = _Watch(), sys.gettrace()
    sys.settrace(watch.called)
    try:
        return (yield)
    finally:
        sys.settrace(before)
        hollow = bool(watch.asked) and all(times == 1 for times in watch.asked.values())
        if watch.seen:  # a file that goes by another name here tells nothing
            _WRITER.write("reached", nodeid=item.nodeid, hit=watch.hit, hollow=hollow)

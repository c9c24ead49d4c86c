"""Meter: record which line of the author's code writes pieces of process state while some tests run.

Settings: {"keys": [key...], "during": [nodeid...]}; keys are those of
`triage.instruments.process_state_table`. One line for each change: `write` with the key, the place
(`path:line`) and the function that was running, and the same of its `callers`, the nearest first. What a
library writes is written by the line that called it.

Large values take long to compare. Behind a first limit they are compared at calls and returns only, so that
the function of a write is still right; behind a second one no more, and `stopped` names the test.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

from triage.instruments import attributes, process_state
from triage.instruments.base import Writer, authors, settings
from triage.instruments.digest import digest

_ROOT = os.getcwd()
_SETTINGS = settings("writes")
_KEYS: tuple[str, ...] = tuple(_SETTINGS.get("keys", ()))
_DURING = frozenset(_SETTINGS.get("during", ()))
_WRITER = Writer("writes")
_MOST_EVENTS = 100_000
"""Lines after which values are compared at calls and returns only: a loop would take minutes."""
_SECONDS_AT_LINES = float(_SETTINGS.get("seconds", 5.0))
"""Processor seconds of comparing after which the same holds."""
_MOST_SECONDS = 2 * _SECONDS_AT_LINES
"""... and after which nothing is compared any more: a million of objects takes a second each time."""
_processor_seconds = time.process_time
"""Kept: tests replace the functions of `time`."""
_MOST_CALLERS = 30


class _Watch:
    """The keys with their values as they were last seen, and the line that has run since."""

    def __init__(self, nodeid: str) -> None:
        self._nodeid = nodeid
        self._spent = 0.0
        """Processor seconds of comparing."""
        self._is_stopped = False
        self._values = self._look()
        self._running: tuple[str, str] | None = None
        """Place and function."""
        self._frame: FrameType | None = None
        """Where that is."""
        self._events = 0

    def on_call(self, frame: FrameType, event: str, argument: Any) -> Any:
        if authors(_ROOT, frame.f_code.co_filename) is None:
            return None
        self.compare()
        return self.on_line

    def on_line(self, frame: FrameType, event: str, argument: Any) -> Any:
        self._events += 1
        is_cheap = self._events <= _MOST_EVENTS and self._spent <= _SECONDS_AT_LINES
        if is_cheap or event != "line":
            self.compare()
        if event == "return":
            back = frame.f_back
            self._running, self._frame = _authors_line(back) or self._running, back or self._frame
        else:
            self._running, self._frame = _authors_line(frame), frame
        return self.on_line

    def compare(self) -> None:
        """Book every change on the line that has run since the last look."""
        if self._is_stopped:
            return
        if self._spent > _MOST_SECONDS:
            self._is_stopped = True
            _WRITER.write("stopped", nodeid=self._nodeid)
            return
        values = self._look()
        for key, value in values.items():
            if value != self._values.get(key) and self._running is not None:
                place, function = self._running
                _WRITER.write(
                    "write",
                    nodeid=self._nodeid,
                    key=key,
                    where=place,
                    function=function,
                    callers=_callers(self._frame),
                )
        self._values = values

    def _look(self) -> dict[str, str]:
        begun = _processor_seconds()
        try:
            return _values()
        finally:
            self._spent += _processor_seconds() - begun


def _values() -> dict[str, str]:
    return {key: _digest(key) for key in _KEYS}


def _digest(key: str) -> str:
    try:
        value = attributes.value_of(key) if key.startswith("attr:") else process_state.value_of(key)
    except Exception:
        return "absent"
    return digest(value)


def _authors_line(frame: FrameType | None) -> tuple[str, str] | None:
    while frame is not None:
        path = authors(_ROOT, frame.f_code.co_filename)
        if path is not None:
            return f"{path}:{frame.f_lineno}", frame.f_code.co_qualname
        frame = frame.f_back
    return None


def _callers(frame: FrameType | None) -> list[tuple[str, str]]:
    """Place and function of the author's frames behind the one that was running, the nearest first."""
    found: list[tuple[str, str]] = []
    while frame is not None and len(found) <= _MOST_CALLERS:
        path = authors(_ROOT, frame.f_code.co_filename)
        if path is not None:
            found.append((f"{path}:{frame.f_lineno}", frame.f_code.co_qualname))
        frame = frame.f_back
    return found[1:]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Watch set-up, call and teardown of the tests that were asked for; restore the tracer that was there."""
    if item.nodeid not in _DURING or not _KEYS:
        return (yield)
    watch = _Watch(item.nodeid)
    before = sys.gettrace()
    sys.settrace(watch.on_call)
    try:
        return (yield)
    finally:
        sys.settrace(before)
        watch.compare()

"""Meter: record which process state each test leaves changed behind it.

Settings: {"seconds": limit}: to look at all state behind each test takes milliseconds, and where they add up
to the limit, in processor time, the tests that are left are not looked at; `stopped` names the first of them.
One line for each test that changed anything: `changed` with its id and, by key, the digest that the value has
now; an empty one where the key is gone. The first line, `begin`, has the digests of all keys. Keys are those
of `triage.instruments.process_state_table`.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import pytest

from triage.instruments.base import Writer, settings
from triage.instruments.treatments.state import live_digests

_SETTINGS = settings("changes")
_WRITER = Writer("changes")
_processor_seconds = time.process_time
"""Kept: tests replace the functions of `time`. On a busy machine looks take longer and cost the same."""


class _Watch:
    """All state as the latest test has left it."""

    def __init__(self, seconds: float) -> None:
        self._seconds_left = seconds
        self._is_stopped = False
        self._known = self._look()
        _WRITER.write("begin", keys=self._known)

    def look_behind(self, nodeid: str) -> None:
        """Record what a test has changed."""
        if self._is_stopped:
            return
        if self._seconds_left <= 0:
            self._is_stopped = True
            _WRITER.write("stopped", nodeid=nodeid)
            return
        now = self._look()
        changed = {key: digest for key, digest in now.items() if self._known.get(key) != digest}
        changed.update(dict.fromkeys(self._known.keys() - now.keys(), ""))
        if changed:
            _WRITER.write("changed", nodeid=nodeid, keys=changed)
        self._known = now

    def _look(self) -> dict[str, str]:
        begun = _processor_seconds()
        try:
            return live_digests()
        finally:
            self._seconds_left -= _processor_seconds() - begun


_watch: _Watch | None = None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: Any) -> Generator[None, object, object]:
    """Behind the test's own teardown."""
    global _watch  # noqa: PLW0603 - the first test begins it: modules are imported by then
    if _watch is None and "seconds" in _SETTINGS:
        _watch = _Watch(_SETTINGS["seconds"])
    result = yield
    if _watch is not None:
        _watch.look_behind(item.nodeid)
    return result

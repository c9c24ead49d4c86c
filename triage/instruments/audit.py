"""Hand a meter what the running test does: audit events of Python, ascribed to the test.

A meter takes the two hooks of pytest from here into its module, and calls `listen` when the session starts.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

import pytest

Take = Callable[[str, tuple[Any, ...]], None]
"""What a meter does with an event and its arguments."""
running: Final[list[str]] = []
"""The test that runs, last; empty outside of tests."""
_busy: Final = threading.local()
"""Whether this thread handles an event, which may open and look at files itself."""


def listen(take: Take) -> None:
    """Call `take` for each audit event of a test. The hook cannot be removed again."""
    sys.addaudithook(guarded(take))


def guarded(take: Take) -> Take:
    """Only while a test runs, not for what the meter does itself, and without ever failing."""

    def call(event: str, arguments: tuple[Any, ...]) -> None:
        if not running or getattr(_busy, "on", False):
            return
        _busy.on = True
        try:
            take(event, arguments)
        except Exception:
            pass  # a meter that fails stays silent
        finally:
            _busy.on = False

    return call


def opens_for_writing(mode: Any, flags: Any) -> bool:
    """Whether the arguments of an `open` event mean that the file may be made or changed."""
    if isinstance(mode, str):
        return bool(set(mode) & set("wax+"))
    # `os.open` has flags instead of a mode
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logstart(nodeid: str) -> None:
    """Ascribe what happens from now on to this test."""
    running.append(nodeid)


@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish(nodeid: str) -> None:
    """Ascribe what happens from now on to no test."""
    running.clear()

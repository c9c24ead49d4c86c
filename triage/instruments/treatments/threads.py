"""Treatment: run the threads of the test one after another. Settings: {"serial": true}.

Whoever starts a thread waits for its end, for a limited time; pools get one worker. Threads that need each
other go on after that time, so that they are slow and do not deadlock.
"""

from __future__ import annotations

import concurrent.futures
import os
import sys
import threading
from typing import Any

import pytest

from triage.instruments.base import authors, settings

_SERIAL = bool(settings("threads").get("serial"))
_WAIT_SECONDS = float(settings("threads").get("wait", 0.5))
_ROOT = os.getcwd()
_MAX_LIBRARY_FRAMES = 6
"""A thread that a library starts deep inside a call is the library's own."""


def _is_started_by_user() -> bool:
    frame: Any = sys._getframe(2)
    for _ in range(_MAX_LIBRARY_FRAMES):
        if frame is None:
            return False
        if authors(_ROOT, frame.f_code.co_filename) is not None:
            return True
        frame = frame.f_back
    return False


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Replace the methods before the user's code imports the classes."""
    if not _SERIAL:
        return
    start = threading.Thread.start
    make = concurrent.futures.ThreadPoolExecutor.__init__

    def start_and_wait(self: threading.Thread) -> None:
        is_users = _is_started_by_user()
        start(self)
        if is_users:
            self.join(_WAIT_SECONDS)

    def one_worker(self: Any, max_workers: int | None = None, *rest: Any, **more: Any) -> None:
        make(self, 1, *rest, **more)

    threading.Thread.start = start_and_wait  # type: ignore[method-assign]
    concurrent.futures.ThreadPoolExecutor.__init__ = one_worker  # type: ignore[method-assign]

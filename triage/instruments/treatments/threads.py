"""Treatment: threads of the test run one after another. Settings: {"serial": true}.

A thread that is started is waited for, a little; pools get one worker. What needs several threads at once
goes on after the wait, so that a conversation between threads slows down and does not lock up.
"""

from __future__ import annotations

import concurrent.futures
import sys
import threading
from typing import Any

import pytest

from triage.instruments.base import authors, settings

_SERIAL = bool(settings("threads").get("serial"))
_WAIT = float(settings("threads").get("wait", 0.5))
_ROOT = __import__("os").getcwd()


def _from_user() -> bool:
    frame: Any = sys._getframe(2)
    for _ in range(6):
        if frame is None:
            return False
        if authors(_ROOT, frame.f_code.co_filename) is not None:
            return True
        frame = frame.f_back
    return False


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Before the user's code takes the classes."""
    if not _SERIAL:
        return
    start = threading.Thread.start
    make = concurrent.futures.ThreadPoolExecutor.__init__

    def start_and_wait(self: threading.Thread) -> None:
        users = _from_user()
        start(self)
        if users:
            self.join(_WAIT)

    def one_worker(self: Any, max_workers: int | None = None, *rest: Any, **more: Any) -> None:
        make(self, 1, *rest, **more)

    threading.Thread.start = start_and_wait  # type: ignore[method-assign]
    concurrent.futures.ThreadPoolExecutor.__init__ = one_worker  # type: ignore[method-assign]

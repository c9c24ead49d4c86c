"""Meter and treatment: record who holds and who waits for each lock, or make several locks one.

Settings of the treatment: {"one": ["FILE:LINE", ...]}: all locks that are made on these lines are one lock.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from triage.instruments.base import authors, settings, user_frame

_ONE: set[str] = set(settings("locks").get("one", ()))
_REAL, _REAL_R = threading.Lock, threading.RLock
LOCKS: list[WatchedLock] = []
_MAX_LOCKS = 5000
"""Later locks are not watched: a test that makes so many does not hang on one of them."""


class WatchedLock:
    """A lock of `threading` that knows who holds it and who waits for it, and on which lines."""

    def __init__(self, real: Any, root: str, born: str) -> None:
        self._real, self._root, self.born = real, root, born
        self.owner, self.taken = "", ""
        self.waiting: dict[str, str] = {}

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Acquire the lock, as `threading.Lock.acquire` does."""
        if self._real.acquire(blocking=False):
            return self._note_owner()
        if not blocking:
            return False
        name = threading.current_thread().name
        self.waiting[name] = user_frame(self._root, 2) or ""
        try:
            if not self._real.acquire(True, timeout):
                return False
            return self._note_owner()
        finally:
            self.waiting.pop(name, None)

    def release(self) -> None:
        """Release the lock, as `threading.Lock.release` does."""
        self.owner = ""
        self._real.release()

    def _note_owner(self) -> bool:
        self.owner, self.taken = threading.current_thread().name, user_frame(self._root, 3) or ""
        return True

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def described(self) -> dict[str, Any]:
        """Return the state of the lock as plain values."""
        return {"born": self.born, "owner": self.owner, "taken": self.taken, "waiting": dict(self.waiting)}


def watch_locks(root: str) -> None:
    """Watch the locks that the author's code makes from now on; those of libraries are left alone."""

    def make(real: Callable[[], Any]) -> Callable[[], Any]:
        def lock() -> Any:
            born = _made_at(root)
            if born is None or len(LOCKS) >= _MAX_LOCKS:
                return real()
            LOCKS.append(WatchedLock(real(), root, born))
            return LOCKS[-1]

        return lock

    threading.Lock, threading.RLock = make(_REAL), make(_REAL_R)  # type: ignore[assignment]


def _made_at(root: str) -> str | None:
    """The author's line that makes a lock, by itself or by the generated code of a dataclass."""
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith("<"):
        frame = frame.f_back
    place = authors(root, frame.f_code.co_filename) if frame is not None else None
    return f"{place}:{frame.f_lineno}" if place is not None else None


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Replace the factories of locks before the author's modules call them."""
    if not _ONE:
        return
    root = os.getcwd()
    # reentrant: a thread that took the first of the locks takes the second too
    shared = _REAL_R()

    def make(real: Callable[[], Any]) -> Callable[[], Any]:
        def lock() -> Any:
            return shared if _made_at(root) in _ONE else real()

        return lock

    threading.Lock, threading.RLock = make(_REAL), make(_REAL_R)  # type: ignore[assignment]

"""Stacks of all threads of a hanging test, from a thread that needs neither the GIL nor a signal.

Arming costs 30 microseconds, so it is not done for each test: the watchdog is armed again only when
a quarter of its time has gone by. It fires between three quarters and the whole of its time into a
hang, and never during tests that are faster than that.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import time

_monotonic = time.monotonic
_later, _cancel = faulthandler.dump_traceback_later, faulthandler.cancel_dump_traceback_later
_open, _close, _fstat, _stat = os.open, os.close, os.fstat, os.stat
SHARE = 0.9
"""Of the limit: the stacks must be written before the harness kills."""


class Watchdog:
    """Writes stacks to `path` when nothing was heard for most of `seconds`."""

    def __init__(self, path: str, seconds: float) -> None:
        """Armed by the first `touch`."""
        self.path, self.seconds = path, seconds * SHARE
        self._armed = float("-inf")
        self._fd = -1
        os.register_at_fork(before=self._rest, after_in_parent=self._go_on)

    def touch(self) -> None:
        """Something happened; cheap when called often."""
        now = _monotonic()
        if now - self._armed > self.seconds / 4:
            self.arm(now)

    def forget(self) -> None:
        """Somebody else may have cancelled the timer (pytest does so at each failure)."""
        self._armed = float("-inf")

    def arm(self, now: float) -> None:
        """Start the time anew."""
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            with contextlib.suppress(OSError):
                _close(self._fd) if self._is_ours() else None
            self._fd = _open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            _later(self.seconds, exit=False, file=self._fd)
            self._armed = now

    def stop(self) -> None:
        """Nothing more to watch."""
        with contextlib.suppress(OSError, RuntimeError):
            _cancel()
        self.forget()

    def _rest(self) -> None:
        """Before a fork: the child lacks the timer's thread, and to cancel it there is to wait for ever."""
        if self._fd >= 0:
            with contextlib.suppress(OSError, RuntimeError):
                _cancel()

    def _go_on(self) -> None:
        """After a fork, in the parent: what was left of the time."""
        left = self.seconds - (_monotonic() - self._armed)
        if 0 < left <= self.seconds:
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                _later(left, exit=False, file=self._fd)

    def _is_ours(self) -> bool:
        if self._fd < 0:
            return False
        ours, there = _fstat(self._fd), _stat(self.path)
        return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)

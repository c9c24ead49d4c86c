"""Dump the stacks of all threads when a test hangs, by a timer that needs neither the GIL nor a signal.

To arm the timer costs 30 microseconds, too much for every test: it is armed again only when a quarter of its
time has gone by. It fires between three quarters and the whole of its time into a hang.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import time

# bound at import: a test may replace them
_monotonic = time.monotonic
_dump_later, _cancel_dump = faulthandler.dump_traceback_later, faulthandler.cancel_dump_traceback_later
_open, _close, _fstat, _stat = os.open, os.close, os.fstat, os.stat
_OPEN_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC

SHARE = 0.9
"""Of the test timeout: the stacks must be written before the harness kills."""
_NEVER = float("-inf")


class Watchdog:
    """Writes stacks to `path` when nothing was recorded for most of `seconds`."""

    def __init__(self, path: str, seconds: float) -> None:
        """Armed by the first `touch`; `seconds` is the test timeout."""
        self.path, self.seconds = path, seconds * SHARE
        self._armed_at = _NEVER
        self._fd = -1
        os.register_at_fork(before=self._cancel_before_fork, after_in_parent=self._resume_after_fork)

    def touch(self) -> None:
        """Note that the session goes on; cheap when called often."""
        now = _monotonic()
        if now - self._armed_at > self.seconds / 4:
            self.arm(now)

    def forget(self) -> None:
        """Let the next `touch` arm the timer: somebody else may have cancelled it."""
        self._armed_at = _NEVER

    def arm(self, now: float) -> None:
        """Start the timer with its whole time; without effect where the file cannot be opened."""
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            self._close()
            self._fd = _open(self.path, _OPEN_FLAGS, 0o600)
            _dump_later(self.seconds, exit=False, file=self._fd)
            self._armed_at = now

    def stop(self) -> None:
        """Cancel the timer."""
        with contextlib.suppress(OSError, RuntimeError):
            _cancel_dump()
        self.forget()

    def _cancel_before_fork(self) -> None:
        """Cancel the timer, whose thread a child would lack: to cancel it there is to wait for ever."""
        if self._fd >= 0:
            with contextlib.suppress(OSError, RuntimeError):
                _cancel_dump()

    def _resume_after_fork(self) -> None:
        """Re-arm the timer in the parent with the remaining time."""
        remaining = self.seconds - (_monotonic() - self._armed_at)
        if 0 < remaining <= self.seconds:
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                _dump_later(remaining, exit=False, file=self._fd)

    def _close(self) -> None:
        """Close the file of the last time, unless a test did and the number belongs to another file now."""
        with contextlib.suppress(OSError):
            if self._fd >= 0 and _is_same_file(_fstat(self._fd), _stat(self.path)):
                _close(self._fd)


def _is_same_file(first: os.stat_result, second: os.stat_result) -> bool:
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)

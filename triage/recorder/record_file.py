"""The record's pen: append, flush, survive whatever the test does to descriptors and limits; never raise.

A test may put something else in the place of `os.write` and not take it away again: what the pen needs
it holds itself, since before the first test.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import resource
import signal
from collections.abc import Iterator, Mapping
from typing import Any

from triage.recorder import events

SUFFIX = ".overflow"
SIZE = 1 << 18


class OverflowPage:
    """At most `SIZE` bytes of lines, behind each other, the rest NUL."""

    def __init__(self, record: str) -> None:
        """Map `RECORD.overflow`; without one where the disk refuses."""
        self._page: mmap.mmap | None = None
        self._used = 0
        try:
            fd = os.open(record + SUFFIX, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return
        try:
            os.posix_fallocate(fd, 0, SIZE)
            self._page = mmap.mmap(fd, SIZE)
        except (OSError, ValueError, AttributeError):
            os.unlink(record + SUFFIX)
        finally:
            os.close(fd)

    @property
    def begun(self) -> bool:
        """Whether a line was put here: then all later ones must be, or they would come before it."""
        return self._used > 0

    def put(self, line: bytes) -> bool:
        """One line; False where there is no room."""
        end = self._used + len(line)
        if self._page is None or end > SIZE:
            return False
        self._page[self._used : end] = line
        self._used = end
        return True


def overflow_lines(path: str | os.PathLike[str]) -> bytes:
    """The lines that a process put on the spare page of its record at `path`."""
    try:
        with open(os.fspath(path) + SUFFIX, "rb") as file:
            return file.read(SIZE).rstrip(b"\0")
    except OSError:
        return b""


_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
_write, _open, _close, _fstat, _getpid = os.write, os.open, os.close, os.fstat, os.getpid
_sigmask, _sigwait = signal.pthread_sigmask, signal.sigtimedwait
_UNLIMITED = resource.RLIM_INFINITY
_get_limit, _set_limit, _SIZE = resource.getrlimit, resource.setrlimit, resource.RLIMIT_FSIZE


class Writer:
    """Appends sealed lines to one file; only the process that made it writes."""

    def __init__(self, path: str, key: bytes) -> None:
        """`path` must be absolute: tests change the working directory."""
        self.path, self.key = path, key
        self.pid = _getpid()
        self.sequence = 0
        self.failed = False
        self._fd = -1
        self._identity: tuple[int, int] | None = None
        self._overflow: OverflowPage | None = None

    @property
    def mine(self) -> bool:
        """Whether this is the process that the record is about, and no fork of it."""
        return _getpid() == self.pid

    @property
    def is_blocked(self) -> bool:
        """Whether nothing can be appended any more: a new process must go on."""
        return self.failed or (self._overflow is not None and self._overflow.begun)

    def reserve_overflow(self) -> None:
        """Before the first test: room for what the file may refuse later."""
        self._overflow = OverflowPage(self.path)

    def write(self, event: Mapping[str, Any]) -> None:
        """Append one event."""
        try:
            payload = events.encode(event)
        except Exception:
            payload = events.encode({"e": "note", "text": f"an event of kind {event.get('e')} was not JSON"})
        self.write_payload(payload)

    def write_payload(self, payload: bytes) -> None:
        """Append one event that is JSON already."""
        if not self.mine:
            return
        line = events.seal(self.key, self.sequence, payload)
        if self._append(line):
            self.sequence += 1

    def _append(self, line: bytes) -> bool:
        if self._overflow is not None and self._overflow.begun:
            return self._append_elsewhere(line)
        try:
            if _get_limit(_SIZE)[0] != _UNLIMITED:
                with _room():
                    written = _write(self._descriptor(), line)
            else:
                written = _write(self._descriptor(), line)
            if written == len(line):
                return True
        except OSError:
            self._identity = None
        return self._append_again(line)

    def _append_again(self, line: bytes) -> bool:
        """After a failed or short write: open anew."""
        with contextlib.suppress(OSError), _room():
            self._identity = None
            if _write(self._descriptor(), b"\n" + line) == len(line) + 1:
                return True
        return self._append_elsewhere(line)

    def _append_elsewhere(self, line: bytes) -> bool:
        if self._overflow is not None and self._overflow.put(line):
            return True
        self.failed = True
        return False

    def _descriptor(self) -> int:
        """The open file, opened again where a test closed, removed or replaced it."""
        if self._identity is not None:
            try:
                status = _fstat(self._fd)
            except OSError:
                self._identity = None
            else:
                if (status.st_dev, status.st_ino) == self._identity:
                    if status.st_nlink:
                        return self._fd
                    return self._anew_if_possible()
        return self._anew()

    def _anew(self) -> int:
        fd = _open(self.path, _FLAGS, 0o600)
        status = _fstat(fd)
        self._fd, self._identity = fd, (status.st_dev, status.st_ino)
        return fd

    def _anew_if_possible(self) -> int:
        """The file was removed: the harness finds a new one at the same place, or reads on in the old one."""
        old = self._fd
        try:
            fd = self._anew()
        except OSError:
            return old
        with contextlib.suppress(OSError):
            _close(old)
        return fd


@contextlib.contextmanager
def _room() -> Iterator[None]:
    """As much room for a file as can be had, and no signal for its end; the test's own limit comes back."""
    before = _get_limit(_SIZE)
    if before[0] == _UNLIMITED:
        yield
        return
    mask = _sigmask(signal.SIG_BLOCK, [signal.SIGXFSZ])
    try:
        for limit in ((_UNLIMITED, _UNLIMITED), (before[1], before[1])):
            with contextlib.suppress(OSError, ValueError):
                _set_limit(_SIZE, limit)
                break
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            _set_limit(_SIZE, before)
        if signal.SIGXFSZ not in mask:
            while _sigwait([signal.SIGXFSZ], 0) is not None:
                pass
            _sigmask(signal.SIG_SETMASK, mask)

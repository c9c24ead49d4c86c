"""Append-only writer for the event log; tolerates tests that break `os`, descriptors or limits.

A test may replace `os.write` and never restore it: the functions that the writer needs are bound when this
module is imported, before the first test. Nothing here raises.
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

OVERFLOW_SUFFIX = ".overflow"
OVERFLOW_BYTES = 1 << 18
"""Room for the events of the one test that blocked the file; a new process runs what follows it."""

_OPEN_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
_write, _open, _close, _fstat, _getpid = os.write, os.open, os.close, os.fstat, os.getpid
_sigmask, _sigtimedwait = signal.pthread_sigmask, signal.sigtimedwait
_getrlimit, _setrlimit = resource.getrlimit, resource.setrlimit
_FILE_SIZE, _UNLIMITED = resource.RLIMIT_FSIZE, resource.RLIM_INFINITY


def overflow_lines(path: str | os.PathLike[str]) -> bytes:
    """Read the lines that a process put on the overflow page of its record at `path`; empty where none."""
    try:
        with open(os.fspath(path) + OVERFLOW_SUFFIX, "rb") as file:
            return file.read(OVERFLOW_BYTES).rstrip(b"\0")
    except OSError:
        return b""


class OverflowPage:
    """A mapped file beside the record that takes lines when the record's own file takes none any more.

    Its blocks are allocated before the first test, so that neither a full disk nor a limit on the size of
    files can refuse them. Lines stand behind each other; the rest is NUL.
    """

    def __init__(self, record: str) -> None:
        """Map `RECORD.overflow`; where the disk refuses, the page takes nothing."""
        self._page: mmap.mmap | None = None
        self._used = 0
        try:
            fd = os.open(record + OVERFLOW_SUFFIX, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return
        try:
            os.posix_fallocate(fd, 0, OVERFLOW_BYTES)
            self._page = mmap.mmap(fd, OVERFLOW_BYTES)
        except (OSError, ValueError, AttributeError):
            # AttributeError: not every platform can allocate blocks
            os.unlink(record + OVERFLOW_SUFFIX)
        finally:
            os.close(fd)

    @property
    def is_used(self) -> bool:
        """Whether a line was put here: then all later ones must be, or they would come before it."""
        return self._used > 0

    def append(self, line: bytes) -> bool:
        """Append one line; return False where there is no room."""
        end = self._used + len(line)
        if self._page is None or end > OVERFLOW_BYTES:
            return False
        self._page[self._used : end] = line
        self._used = end
        return True


class Writer:
    """Appends sealed lines to one file; only the process that made it writes, no fork of it."""

    def __init__(self, path: str, key: bytes) -> None:
        """`path` must be absolute: tests change the working directory."""
        self.path, self.key = path, key
        self.pid = _getpid()
        self.sequence = 0
        self.failed = False
        """Whether a line was lost."""
        self._fd = -1
        self._identity: tuple[int, int] | None = None
        """Device and inode behind `_fd`; None where it has to be opened."""
        self._overflow: OverflowPage | None = None

    @property
    def mine(self) -> bool:
        """Whether this is the process that the record is about, and no fork of it."""
        return _getpid() == self.pid

    def adopt(self) -> None:
        """Let this process write from now on: its parent waits for it and writes nothing meanwhile."""
        self.pid = _getpid()

    @property
    def is_blocked(self) -> bool:
        """Whether nothing can be appended any more: a new process must go on."""
        return self.failed or (self._overflow is not None and self._overflow.is_used)

    def reserve_overflow(self) -> None:
        """Reserve room for what the file may refuse later; called before the first test."""
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
        if self._overflow is not None and self._overflow.is_used:
            return self._append_to_overflow(line)
        try:
            if _getrlimit(_FILE_SIZE)[0] == _UNLIMITED:
                written = _write(self._descriptor(), line)
            else:
                with _without_size_limit():
                    written = _write(self._descriptor(), line)
            if written == len(line):
                return True
        except OSError:
            self._identity = None
        return self._append_again(line)

    def _append_again(self, line: bytes) -> bool:
        """Append to the file opened anew, after a failed or short write; else to the overflow page."""
        with contextlib.suppress(OSError), _without_size_limit():
            self._identity = None
            # the newline ends what a short write may have left
            if _write(self._descriptor(), b"\n" + line) == len(line) + 1:
                return True
        return self._append_to_overflow(line)

    def _append_to_overflow(self, line: bytes) -> bool:
        if self._overflow is not None and self._overflow.append(line):
            return True
        self.failed = True
        return False

    def _descriptor(self) -> int:
        """The open file, opened again where a test closed, removed or replaced it. Raises OSError."""
        if self._identity is None:
            return self._open_anew()
        try:
            status = _fstat(self._fd)
        except OSError:
            # a test closed it
            return self._open_anew()
        if (status.st_dev, status.st_ino) != self._identity:
            # a test closed it, and the number belongs to another file now, which is not ours to close
            return self._open_anew()
        if status.st_nlink == 0:
            return self._replace_removed()
        return self._fd

    def _open_anew(self) -> int:
        self._identity = None
        fd = _open(self.path, _OPEN_FLAGS, 0o600)
        status = _fstat(fd)
        self._fd, self._identity = fd, (status.st_dev, status.st_ino)
        return fd

    def _replace_removed(self) -> int:
        """A new file in the place of a removed one; the removed one where none can be made.

        The harness, which has the removed file open, finds the new one or reads on in the old one.
        """
        removed, identity = self._fd, self._identity
        try:
            fd = self._open_anew()
        except OSError:
            self._identity = identity
            return removed
        with contextlib.suppress(OSError):
            _close(removed)
        return fd


@contextlib.contextmanager
def _without_size_limit() -> Iterator[None]:
    """Lift the limit on the size of files as far as possible, and hold back its signal."""
    before = _getrlimit(_FILE_SIZE)
    if before[0] == _UNLIMITED:
        yield
        return
    mask = _sigmask(signal.SIG_BLOCK, [signal.SIGXFSZ])
    try:
        _lift_size_limit(hard=before[1])
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            _setrlimit(_FILE_SIZE, before)
        if signal.SIGXFSZ not in mask:
            # a pending signal would be delivered as soon as it is not blocked any more
            while _sigtimedwait([signal.SIGXFSZ], 0) is not None:
                pass
            _sigmask(signal.SIG_SETMASK, mask)


def _lift_size_limit(hard: int) -> None:
    """Only root may lift the hard limit; anybody may lift the soft one as far as that."""
    for limit in ((_UNLIMITED, _UNLIMITED), (hard, hard)):
        with contextlib.suppress(OSError, ValueError):
            _setrlimit(_FILE_SIZE, limit)
            return

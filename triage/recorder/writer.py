"""The record's pen: append, flush, survive whatever the test does to descriptors and limits; never raise."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Any

from triage.wire import events

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)


class Writer:
    """Appends sealed lines to one file; only the process that made it writes."""

    def __init__(self, path: str, key: bytes) -> None:
        """`path` must be absolute: tests change the working directory."""
        self.path, self.key = path, key
        self.pid = os.getpid()
        self.sequence = 0
        self.failed = False
        self._fd = -1
        self._identity: tuple[int, int] | None = None

    def write(self, event: Mapping[str, Any]) -> None:
        """Append one event."""
        try:
            payload = events.encode(event)
        except (TypeError, ValueError, RecursionError, MemoryError):
            payload = events.encode({"e": "note", "text": f"an event of kind {event.get('e')} was not JSON"})
        self.write_payload(payload)

    def write_payload(self, payload: bytes) -> None:
        """Append one event that is JSON already."""
        if os.getpid() != self.pid:
            return
        line = events.seal(self.key, self.sequence, payload)
        if self._append(line):
            self.sequence += 1

    def _append(self, line: bytes) -> bool:
        try:
            if os.write(self._descriptor(), line) == len(line):
                return True
        except OSError:
            self._identity = None
        return self._append_again(line)

    def _append_again(self, line: bytes) -> bool:
        """After a failed or short write: lift a lowered file-size limit and open anew."""
        with contextlib.suppress(OSError, ValueError, ImportError):
            import resource

            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        with contextlib.suppress(OSError):
            self._identity = None
            if os.write(self._descriptor(), b"\n" + line) == len(line) + 1:
                return True
        self.failed = True
        return False

    def _descriptor(self) -> int:
        """The open file, opened again where a test closed it or put something else in its place."""
        if self._identity is not None:
            try:
                status = os.fstat(self._fd)
            except OSError:
                self._identity = None
            else:
                if (status.st_dev, status.st_ino) == self._identity:
                    return self._fd
        fd = os.open(self.path, _FLAGS, 0o600)
        status = os.fstat(fd)
        self._fd, self._identity = fd, (status.st_dev, status.st_ino)
        return fd

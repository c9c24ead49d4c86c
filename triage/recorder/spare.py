"""A spare page for the record: memory of a file that is there already, so that no limit can refuse it.

A test may lower the file-size limit for good, or take every descriptor: then nothing can be appended to
a file any more. What was mapped before still can be written to, and is on disk when the process is gone.
The blocks are allocated beforehand, or a full disk would kill the process that writes to them.
"""

from __future__ import annotations

import mmap
import os

SUFFIX = ".spare"
SIZE = 1 << 18


class Spare:
    """At most `SIZE` bytes of lines, behind each other, the rest NUL."""

    def __init__(self, record: str) -> None:
        """Map `RECORD.spare`; without one where the disk refuses."""
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


def spared(path: str | os.PathLike[str]) -> bytes:
    """The lines that a process put on the spare page of its record at `path`."""
    try:
        with open(os.fspath(path) + SUFFIX, "rb") as file:
            return file.read(SIZE).rstrip(b"\0")
    except OSError:
        return b""

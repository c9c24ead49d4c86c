"""Write the log of a process: redacted, harmless to a terminal, cut to its head and its tail."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from triage.text.redact import Redactor
from triage.text.redact_stream import StreamRedactor
from triage.text.sanitize import inert_bytes

_CONTEXT = 64 * 1024
"""Bytes before the tail that are redacted with it, so that a secret cut by its border is recognised."""
_MIN_PART = 1024
"""Head and tail are not shorter than this, however low the limit."""


class LogWriter:
    """Takes what a process prints; memory and file stay bounded by `limit` bytes."""

    def __init__(self, path: Path, redactor: Redactor, limit: int) -> None:
        """The file is written from the first byte on; the tail follows at `close`."""
        self._file = path.open("wb")
        self._redactor = redactor
        self._stream = StreamRedactor(redactor)
        self._head_left = max(limit // 2, _MIN_PART)
        self._tail_limit = max(limit - limit // 2, _MIN_PART)
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self.cut = 0

    def feed(self, block: bytes) -> None:
        """Take further output."""
        if self._head_left > 0:
            head, block = block[: self._head_left], block[self._head_left :]
            self._head_left -= len(head)
            self._put(self._stream.feed(head))
        if block:
            self._keep_last(block)

    def _put(self, data: bytes) -> None:
        if data:
            self._file.write(inert_bytes(data))
            self._file.flush()

    def _keep_last(self, block: bytes) -> None:
        self._tail.append(block)
        self._tail_size += len(block)
        while self._tail_size - len(self._tail[0]) >= self._tail_limit + _CONTEXT:
            dropped = len(self._tail.popleft())
            self._tail_size -= dropped
            self.cut += dropped

    def close(self) -> int:
        """Write the tail; return how many bytes were not kept."""
        tail = b"".join(self._tail)
        with self._file:
            if self.cut:
                self._put_tail(tail)
            else:
                self._put(self._stream.feed(tail) + self._stream.close())
        return self.cut

    def _put_tail(self, tail: bytes) -> None:
        """Write the mark of the cut and the tail.

        What the stream still held at the end of the head may be half a secret, and is dropped.
        """
        excess = max(0, len(tail) - self._tail_limit)
        context, tail = tail[:excess], tail[excess:]
        self.cut += len(context)
        self._file.write(b"\n[... %d bytes of output cut ...]\n" % self.cut)
        stream = StreamRedactor(self._redactor)
        stream.feed(context)
        self._put((stream.feed(tail) + stream.close())[-self._tail_limit :])

"""Redact a byte stream whose secrets may lie across the borders of its blocks."""

from __future__ import annotations

import re

from triage.text.redact import KEY_BEGIN, KEY_END, MARK, Redactor

_HOLD = 64 * 1024
"""A line longer than this is let go in parts; no known secret is that long."""
_OVERLAP = 4096
"""Bytes that stay behind a cut within a line: longer than any secret that a pattern finds."""
_BEGIN = re.compile(KEY_BEGIN.encode())
_END = re.compile(KEY_END.encode())


class StreamRedactor:
    """Bytes in, redacted bytes out, at most `_HOLD` and the longest secret behind.

    Text is handled as latin-1, so that any byte survives; secrets are compared in UTF-8.
    """

    def __init__(self, redactor: Redactor) -> None:
        """A stream that loses the redactor's secrets."""
        values = [v.encode("utf-8", "surrogateescape").decode("latin-1") for v in redactor.values]
        self._redact = redactor if values == list(redactor.values) else Redactor(values)
        self._overlap = max([_OVERLAP, *map(len, values)])
        self._multiline = max((len(v) for v in values if "\n" in v), default=0)
        self._held = b""
        self._in_key = False

    def feed(self, block: bytes) -> bytes:
        """What may be let go after this block."""
        self._held += block
        if self._in_key and not self._leave_key():
            return b""
        cut = self._safe_cut()
        if cut == 0:
            return b""
        free, self._held = self._held[:cut], self._held[cut:]
        return self._clean(free)

    def close(self) -> bytes:
        """What was still held."""
        rest, self._held = self._held, b""
        return b"" if self._in_key else self._clean(rest)

    def _clean(self, data: bytes) -> bytes:
        return self._redact(data.decode("latin-1")).encode("latin-1", "backslashreplace")

    def _leave_key(self) -> bool:
        """Inside a private key nothing is let go until its end line."""
        end = _END.search(self._held)
        if end is None:
            self._held = self._held[-_OVERLAP:]
            return False
        self._held = self._held[end.end() :]
        self._in_key = False
        return True

    def _safe_cut(self) -> int:
        """Where the buffer can be cut without cutting a secret."""
        held = self._held
        limit = len(held) - self._multiline
        cut = held.rfind(b"\n", 0, max(limit, 0)) + 1
        if cut == 0 and len(held) > _HOLD + self._overlap:
            cut = len(held) - self._overlap
        begin = _last_open_key(held)
        if begin is None or begin >= cut:
            return cut if begin is None else min(cut, begin)
        if len(held) - begin <= _HOLD:
            return begin
        self._held = held[:begin] + MARK.encode()
        self._in_key = True
        return len(self._held)


def _last_open_key(held: bytes) -> int | None:
    """Where a private key begins that does not end in this buffer."""
    position = held.rfind(b"-----BEGIN")
    if position < 0 or _BEGIN.match(held, position) is None:
        return None
    return None if _END.search(held, position) else position

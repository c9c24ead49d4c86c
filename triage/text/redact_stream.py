"""Redact a byte stream whose secrets may lie across the borders of its blocks."""

from __future__ import annotations

from collections.abc import Sequence

from triage.text.learned_values import LearnedValues, failure_start
from triage.text.mark import Span
from triage.text.private_keys import MOST_BLOCK, may_continue_from, open_key
from triage.text.redact import Redactor

_HOLD = 64 * 1024
"""Characters that are held back at most; no known secret is that long."""
_OVERLAP = 4096
"""What stays behind a cut within a line: longer than any secret that has no lines."""
_MOST_REACH = 16 * 1024
"""What stays held for a known value of several lines, or one that was wrapped."""


class StreamRedactor:
    """Bytes in, redacted bytes out, at most about `_HOLD` behind; where the blocks end makes no difference.

    Text is handled as latin-1, so that any byte survives; secrets are compared in UTF-8.
    """

    def __init__(self, redactor: Redactor) -> None:
        """A stream that loses the redactor's secrets."""
        self._redactor = redactor.for_bytes()
        longest = max(map(len, self._redactor.values), default=0)
        self._reach = min(2 * longest, _MOST_REACH)
        """A value may be half in what came, with margins between its lines, and half in what comes."""
        self._learned = LearnedValues(of_stream=True)
        self._held = ""

    def feed(self, block: bytes) -> bytes:
        """Return what may be let go after this block."""
        self._held += block.decode("latin-1")
        cut = self._line_cut()
        if cut == 0:
            return b""
        spans = self._redactor.spans(self._held)
        cut = _before_secret(cut, spans)
        key = open_key(self._held)
        if key is not None:
            cut = min(cut, key)
            if len(self._held) - key > MOST_BLOCK:
                self._shorten_key(key)
        return self._release(cut, spans)

    def close(self) -> bytes:
        """Return what was still held."""
        return self._release(len(self._held))

    def _release(self, cut: int, spans: Sequence[Span] = ()) -> bytes:
        free, self._held = self._held[:cut], self._held[cut:]
        # what stands behind the cut may be what gives a secret away, as a closing tag does
        seen = [span for span in spans if span.end <= cut]
        return self._redactor.following(free, self._learned, seen).encode("latin-1", "backslashreplace")

    def _line_cut(self) -> int:
        """Return where the buffer may be cut if no secret lies there: before its last whole line.

        The name of a secret may stand in the last whole line, its value in the next one. The lines of one
        failure stay together, because a later one may say what an earlier one shows.
        """
        held = self._held
        end = held.rfind("\n", 0, max(0, len(held) - self._reach))
        cut = held.rfind("\n", 0, end) + 1 if end >= 0 else 0
        failure = failure_start(held, cut)
        if len(held) - failure <= _HOLD:
            cut = failure
        cut = may_continue_from(held, cut)
        if cut == 0 and len(held) > _HOLD + _OVERLAP:
            cut = len(held) - max(_OVERLAP, self._reach)
        return cut

    def _shorten_key(self, key: int) -> None:
        """Forget the middle of a private key that is longer than any key: its first line and its end stay."""
        first_line = self._held.find("-----", key + len("-----BEGIN")) + len("-----")
        self._held = f"{self._held[:first_line]}\n{self._held[-_OVERLAP:]}"


def _before_secret(cut: int, spans: list[Span]) -> int:
    """Return the cut, or where the text of a secret begins that it would divide."""
    for span in reversed(spans):
        if span.context < cut < span.end:
            cut = span.context
    return cut

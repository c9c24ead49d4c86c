"""Where secrets stand in a text, and what stands in their place."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

MARK = "[redacted]"
MARK_PATTERN = re.compile(r"\[redacted(?:-[0-9a-f]{8})?\]")
"""The mark as it stands in text, and in an id, where a digest tells two secrets apart."""
_DIGEST_ROUNDS = 5_000
"""Of the key derivation behind a digest: whoever guesses at a password pays for each guess."""


class Span(NamedTuple):
    """Where a secret stands in a text."""

    start: int
    end: int
    since: int = -1
    """Where the name begins that gives it away, if that is before it; -1 where there is none."""

    @property
    def context(self) -> int:
        """Where the text begins that has to be seen to find it."""
        return self.start if self.since < 0 else min(self.since, self.start)


@lru_cache(maxsize=4096)
def mark_with_digest(secret: str) -> str:
    """Return a mark that is the same for the same secret, and another one for another."""
    raw = MARK_PATTERN.sub("", secret).encode("utf-8", "backslashreplace")
    digest = hashlib.pbkdf2_hmac("sha256", raw, b"triage", _DIGEST_ROUNDS, dklen=4).hex()
    return f"{MARK[:-1]}-{digest}]"


def merged(found: Iterable[Span], text: str) -> list[Span]:
    """Join spans that overlap or touch.

    A span takes in a mark that it overlaps, and is dropped where it lies inside of one: redacting what is
    redacted changes nothing.
    """
    spans = sorted(found)
    marks = [Span(*match.span()) for match in MARK_PATTERN.finditer(text)] if MARK[:-1] in text else []
    if marks:
        spans = _with_marks(spans, marks)
    joined: list[Span] = []
    for span in spans:
        if joined and span.start <= joined[-1].end:
            last = joined[-1]
            joined[-1] = Span(last.start, max(last.end, span.end), min(last.context, span.context))
        else:
            joined.append(span)
    return joined


def _with_marks(spans: list[Span], marks: list[Span]) -> list[Span]:
    """Drop spans that lie in a mark, and add the marks that others overlap; both lists are in order."""
    starts = [mark.start for mark in marks]
    kept = []
    for span in spans:
        first = max(0, bisect_right(starts, span.start) - 1)
        last = bisect_left(starts, span.end)
        overlapped = [mark for mark in marks[first:last] if mark.end > span.start]
        if overlapped and overlapped[0].start <= span.start and span.end <= overlapped[0].end:
            continue
        kept += [span, *overlapped]
    return sorted(kept)

"""Bound what is read of an imported file; every limit counts what it drops."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Limits:
    """Per file, unless said otherwise. Far beyond real reports; small enough for a common CI machine."""

    file_bytes: int = 256 * 1024 * 1024
    depth: int = 64
    """Of nested XML elements."""
    elements: int = 2_000_000
    """Of XML."""
    results: int = 1_000_000
    """Over all files of one import."""
    field_chars: int = 64 * 1024
    """Of one message, traceback or captured stream; its head and tail are kept."""
    line_bytes: int = 16 * 1024 * 1024
    """Of one line of a JSON-lines file."""
    files: int = 100_000
    repairs: int = 1_000
    """How often reading goes on behind damage."""


DEFAULT = Limits()


@dataclass
class Notes:
    """What could not be kept, counted; each kind becomes one line of the record."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    source: str = ""
    """The file being read."""
    incomplete: list[str] = field(default_factory=list)
    """Why the reports do not tell of a whole run, each reason once."""
    uncounted: list[str] = field(default_factory=list)
    """Where a report counts more tests than it shows: a collection may tell that none is missing."""

    def drop(self, what: str, count: int = 1) -> None:
        """Count something that was left out of the file being read."""
        self.counts[self.source, what] += count

    def tests_missing(self, why: str) -> None:
        """The file counts more tests than it shows."""
        self.uncounted.append(f"{self.source}: incomplete: {why}")

    def cut_short(self, why: str) -> None:
        """The file says that its run did not come to its end, or is itself not all there."""
        reason = f"{self.source}: incomplete: {why}"
        if reason not in self.incomplete:
            self.incomplete.append(reason)

    def lines(self) -> tuple[str, ...]:
        """One line for each kind, in order of file and kind."""
        lines = []
        for (source, what), count in sorted(self.counts.items()):
            times = f" ({count:,} times)" if count > 1 else ""
            lines.append(f"{source}: {what}{times}")
        return tuple(lines)


def capped(text: str, limit: int) -> str:
    """Give the text, or its head and tail with the number of characters between them."""
    if len(text) <= limit:
        return text
    head = limit // 3  # the end of a traceback or log tells more than its beginning
    tail = limit - head
    return f"{text[:head]}\n[... {len(text) - limit:,} characters cut ...]\n{text[-tail:]}"

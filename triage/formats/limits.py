"""How much of a stranger's file is believed: every limit counts what it drops."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Limits:
    """Per file, unless said otherwise."""

    file_bytes: int = 256 * 1024 * 1024
    depth: int = 64
    elements: int = 2_000_000
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
    """Why the run that the reports tell of did not end well."""

    def drop(self, what: str, count: int = 1) -> None:
        """Count something that was left out of the file being read."""
        self.counts[self.source, what] += count

    def cut_short(self, why: str) -> None:
        """The file says that its run did not come to its end."""
        self.incomplete.append(f"{self.source}: incomplete: {why}")

    def lines(self) -> tuple[str, ...]:
        """One line for each kind, in order of file and kind."""
        return tuple(
            f"{source}: {what}" + (f" ({count:,} times)" if count > 1 else "")
            for (source, what), count in sorted(self.counts.items())
        )


def capped(text: str, limit: int) -> str:
    """The text, or its head and tail with the number of characters between them."""
    if len(text) <= limit:
        return text
    head, tail = limit // 3, limit - limit // 3
    return f"{text[:head]}\n[... {len(text) - limit:,} characters cut ...]\n{text[-tail:]}"

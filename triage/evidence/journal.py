"""The append-only record of decisions: one JSON event a line, safe to append from many processes.

Two branches' journals merge by union of their lines, so a line may arrive twice and out of order:
the same id counts once, and reading sorts by `at`, then `id`. Where git was not told to merge by union it
leaves its conflict marks; both sides count, and the next append takes the marks out. A last line without
an end is what a killed writer left: it is reported and never overwritten.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from triage.errors import TriageError, UsageError
from triage.evidence.atomic import append_after, disk_error
from triage.evidence.chain import Link, digest_of, open_ends, without_names
from triage.model.base import Value
from triage.model.journal import EVENT, Event
from triage.text.conflict import BrokenConflict, conflicts_in

JOURNAL = "plans/journal.jsonl"
"""Where it lies beneath the output."""
_ESCAPED_IDS = (b"\\u0043", b"\\u003")
"""How JSON may write the C and the digits of a cluster's id."""
_PIECE_BYTES = 1 << 20
"""Read at once where a file need not be held whole."""


@dataclass(frozen=True)
class JournalFile:
    """Everything that the file holds."""

    links: tuple[Link, ...]
    """Its lines, in the order of the file; a line that is there twice is listed once."""
    events: tuple[Event, ...]
    """What was decided: each event once, oldest first, without the lines that it follows."""
    has_conflict: bool
    """Whether marks of a git conflict are in it."""
    ends_with_line: bool
    """Whether its last line has an end; none of an empty file has."""
    size: int
    """In bytes."""
    sha256: str


class Prefix(Value):
    """What the first bytes of a journal were, as far as it matters for the lines that follow them."""

    size: int
    """In bytes; they end with a line."""
    sha256: str
    open_ends: tuple[str, ...]
    """Digests of the lines that nothing follows."""
    unknown: tuple[str, ...]
    """Digests that lines name and no line has."""

    @classmethod
    def of(cls, file: JournalFile) -> Prefix | None:
        """A whole journal; None where its last line has no end, or git's conflict marks are in it."""
        if file.has_conflict or not file.ends_with_line:
            return None
        digests = {link.digest for link in file.links}
        named = {name for link in file.links for name in link.names}
        return cls(
            size=file.size,
            sha256=file.sha256,
            open_ends=tuple(link.digest for link in file.links if link.digest not in named),
            unknown=tuple(sorted(named - digests)),
        )


@dataclass(frozen=True)
class _LastRead:
    """The file as it was read last: while it is the same, its open ends are known."""

    identity: tuple[int, int, int, int]
    open_ends: tuple[str, ...]


class Journal:
    """The journal at `path`; a journal that is not there yet is empty."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._last_read: _LastRead | None = None

    def read(self) -> tuple[Event, ...]:
        """All events, each once, oldest first.

        Raises `UsageError` (bad-journal) that names the first line that is no event.
        """
        return self.load().events

    def load(self) -> JournalFile:
        """All events with the lines that they come from. Raises as `read` does."""
        data, identity = self._bytes()
        numbered, has_conflict = self._lines(data)
        links: dict[str, Link] = {}
        first_of_id: dict[str, Link] = {}
        field_sets: dict[frozenset[str], set[str]] = {}
        for number, line in numbered:
            link = self._link(number, line)
            first = first_of_id.setdefault(link.event.id, link)
            # nearly every event stands in one line alone: only others have to be compared
            if first is not link and first.event != link.event:
                raise self._error(number, f"has the id of line {first.line} and says something else")
            links.setdefault(link.digest, _with_shared_parts(link, links, field_sets))
        if identity is not None and not has_conflict:
            named = {digest for link in links.values() for digest in link.names}
            self._last_read = _LastRead(identity, tuple(digest for digest in links if digest not in named))
        return JournalFile(
            links=tuple(links.values()),
            events=_in_order(link.event for link in first_of_id.values()),
            has_conflict=has_conflict,
            ends_with_line=data.endswith(b"\n"),
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )

    def size(self) -> int:
        """Bytes of the file; 0 where there is none that can be read."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def after(self, prefix: Prefix, ids: Callable[[], frozenset[str]]) -> tuple[Event, ...] | None:
        """The events behind the first bytes, if these are what they were.

        `ids` gives the ids of all events before. None where the bytes are others, or where only the whole
        file tells what the lines behind them mean: they have conflict marks, say what was said before, cannot
        be read, or close a gap.
        """
        try:
            with self.path.open("rb") as stream:
                identity = _identity(os.fstat(stream.fileno()))
                if _digest_of_first(stream, prefix.size) != prefix.sha256:
                    return None
                data = stream.read()
            numbered, has_conflict = self._lines(data)
            links = {link.digest: link for link in (self._link(number, line) for number, line in numbered)}
        except (OSError, UsageError):
            return None  # reading everything says what it is
        events = {link.event.id: link.event for link in links.values()}
        is_odd = has_conflict or len(events) < len(numbered) or not links.keys().isdisjoint(prefix.unknown)
        if is_odd or (events and not ids().isdisjoint(events)):
            return None
        named = {name for link in links.values() for name in link.names}
        ends = tuple(digest for digest in (*prefix.open_ends, *links) if digest not in named)
        self._last_read = _LastRead(identity, ends)
        return _in_order(events.values())

    def naming(self, clusters: frozenset[str]) -> tuple[Event, ...]:
        """Events of all lines that name one of these clusters, oldest first; maybe others too.

        Raises as `read` does.
        """
        data, _ = self._bytes()
        if any(escape in data for escape in _ESCAPED_IDS):  # not written by triage
            return self.read()
        begins: dict[int, bytes] = {}
        for cluster in clusters:
            word = f'"{cluster}"'.encode()
            position = data.find(word)
            while position >= 0:
                begin = data.rfind(b"\n", 0, position) + 1
                end = data.find(b"\n", position)
                end = len(data) if end < 0 else end
                begins[begin] = data[begin:end]
                position = data.find(word, end)
        try:
            found = [self._link(0, line).event for line in begins.values()]
        except UsageError:
            return self.read()  # which says the number of the line
        return _in_order({event.id: event for event in found}.values())

    def last_lines(self) -> tuple[str, ...]:
        """Digests of the lines that nothing follows yet; none where there is no journal that can be read."""
        try:
            data, _ = self._bytes()
        except TriageError:
            return ()
        _, last = _examined(data)
        return last

    def append(self, events: Iterable[Event]) -> None:
        """Add the events in one write, under a lock, flushed to the disk; all of them or none.

        Each is chained to the one before it, the first to every line that nothing follows yet. Marks of a git
        conflict are taken out, also where there is nothing to add.
        """
        new = tuple(events)
        if new or self.load().has_conflict:
            append_after(self.path, lambda descriptor: self._continued(descriptor, new))

    def _continued(self, descriptor: int, new: tuple[Event, ...]) -> tuple[bytes | None, bytes]:
        """What the file shall hold instead of its present lines (None: just those), and the new lines."""
        last = self._last_read
        if last is not None and last.identity == _identity(os.fstat(descriptor)):
            replacement, parents = None, last.open_ends
        else:
            replacement, parents = _examined(_read_all(descriptor))
        added = []
        for event in new:
            text = event.model_copy(update={"parents": parents}).model_dump_json(exclude_none=True)
            line = text.encode("utf-8", "backslashreplace")
            parents = (digest_of(line),)
            added.append(line + b"\n")
        return replacement, b"".join(added)

    def _bytes(self) -> tuple[bytes, tuple[int, int, int, int] | None]:
        """The content, and which file at which moment it was; None where there is no file."""
        try:
            with self.path.open("rb") as stream:
                identity = _identity(os.fstat(stream.fileno()))
                return stream.read(), identity
        except FileNotFoundError:
            return b"", None
        except OSError as error:
            raise disk_error(error, self.path) from error

    def _lines(self, data: bytes) -> tuple[list[tuple[int, bytes]], bool]:
        """The lines that are no conflict marks, with their numbers; and whether there were marks."""
        lines = data.split(b"\n")
        try:
            marks = _marks(lines)
        except BrokenConflict as broken:
            what = "is a conflict mark of git without its counterpart"
            raise self._error(broken.index + 1, what) from None
        numbered = enumerate(lines, start=1)
        found = [(number, line) for number, line in numbered if line.strip() and number - 1 not in marks]
        return found, bool(marks)

    def _link(self, number: int, line: bytes) -> Link:
        """One line, read. What an event says is the same on two branches that appended it after others."""
        bare, names = without_names(line)
        try:
            event = EVENT.validate_json(bare)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(str(part) for part in problem["loc"])
            raise self._error(
                number, f"is no event: {where + ': ' if where else ''}{problem['msg']}"
            ) from None
        if event.parents:  # written in another way than triage writes it
            names = (*names, *event.parents)
            event = event.model_copy(update={"parents": ()})
        return Link(number, digest_of(line), names, event)

    def _error(self, number: int, what: str) -> UsageError:
        return UsageError(
            "bad-journal",
            f"{self.path} line {number} {what}",
            "mend or remove that line; `git log` shows who wrote it",
        )


def _with_shared_parts(
    link: Link, links: Mapping[str, Link], field_sets: dict[frozenset[str], set[str]]
) -> Link:
    """The link, sharing with earlier ones what is equal: a third of what a long journal takes in memory.

    Pydantic gives each value a set of the fields that were given, and events of a kind have the same.
    """
    given = link.event.model_fields_set
    shared = field_sets.setdefault(frozenset(given), given)
    object.__setattr__(link.event, "__pydantic_fields_set__", shared)
    if len(link.names) == 1 and link.names[0] in links:
        return link._replace(names=(links[link.names[0]].digest,))
    return link


def _in_order(events: Iterable[Event]) -> tuple[Event, ...]:
    return tuple(sorted(events, key=lambda event: (event.at, event.id)))


def _digest_of_first(stream: BinaryIO, size: int) -> str:
    """Digest of the first bytes of a file, which is then read as far as these; of all where it has fewer."""
    digest = hashlib.sha256()
    rest = size
    while rest > 0:
        piece = stream.read(min(rest, _PIECE_BYTES))
        if not piece:
            break
        digest.update(piece)
        rest -= len(piece)
    return digest.hexdigest()


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _examined(data: bytes) -> tuple[bytes | None, tuple[str, ...]]:
    """The content without conflict marks (None: it has none that can be taken out), and its open ends."""
    lines = data.split(b"\n")
    try:
        marks = _marks(lines)
    except BrokenConflict:  # reading says so; appending loses nothing
        marks = frozenset()
    kept = [line for index, line in enumerate(lines) if line.strip() and index not in marks]
    replacement = b"".join(line.rstrip(b"\r") + b"\n" for line in kept) if marks else None
    return replacement, open_ends(kept)


def _marks(lines: list[bytes]) -> frozenset[int]:
    """Indexes of the lines that are marks of a conflict. Raises `BrokenConflict`."""
    return frozenset[int]().union(*(conflict.marks for conflict in conflicts_in(lines)))


def _read_all(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    pieces = []
    position = 0
    while position < size:
        piece = os.pread(descriptor, size - position, position)
        if not piece:
            break
        pieces.append(piece)
        position += len(piece)
    return b"".join(pieces)

"""The chain of the journal's lines: each names the lines that nothing had followed when it was written.

Git merges two journals by union of their lines. Each branch goes on from its own last line, so a merged
journal has two of them, which the next line joins by naming both. Where a line stands in the file does not
matter. The lines of a journal that is older than the chain name nothing; the first line of the chain names
all of them. So whoever changes or removes a line leaves a line behind that names one which is not there.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from triage.model.journal import CHAINED, Event, content_id

_DIGEST_DIGITS = 24
"""96 bits: nobody finds another line with the digest of one that is there."""
_PARENTS = re.compile(rb'(?<!\\)"parents":\s*\[([^\]]*)\]')
"""In a line of JSON: inside of a string its quotes would be escaped."""
_AS_WRITTEN = re.compile(rb'(?<!\\)"parents":\[(?:"[0-9a-f]+",?)+\]')
"""The same, as triage writes it."""
_BEGIN_OF_ONE = b'"parents":["'
_END_OF_ONE = b'"]'
_HEX_DIGITS = b"0123456789abcdef"
_NO_NAMES: tuple[str, ...] = ()
_DIGEST = re.compile(rb'"([0-9a-f]+)"')


class Link(NamedTuple):
    """One line of the journal."""

    line: int
    """Its number in the file, from 1."""
    digest: str
    names: tuple[str, ...]
    """Digests of the lines that it follows."""
    event: Event
    """What it says, without these."""

    @property
    def is_older_than_chain(self) -> bool:
        """Whether a version of triage wrote it that made no chain."""
        return self.event.v < CHAINED and not self.names


def digest_of(line: bytes) -> str:
    """Name a line by its bytes; line ends that git may have converted are left out."""
    return hashlib.sha256(line.strip()).hexdigest()[:_DIGEST_DIGITS]


def without_names(line: bytes) -> tuple[bytes, tuple[str, ...]]:
    """A line that follows no other, and the digests of those that it follows, where it is written as we do.

    Reading an event without them saves making a copy that lacks them.
    """
    # nearly every line follows one other, and a regular expression takes thrice as long to find it
    begin = line.find(_BEGIN_OF_ONE)
    first = begin + len(_BEGIN_OF_ONE)
    end = line.find(_END_OF_ONE, first)
    name = line[first:end]
    is_one = begin > 0 and first < end and not name.translate(None, _HEX_DIGITS)
    if is_one and line[begin - 1 : begin] != b"\\":
        return line[: first - 1] + line[end + 1 :], (name.decode(),)
    written = _AS_WRITTEN.search(line)
    if written is None:
        return line, _NO_NAMES
    names = tuple(digest.decode() for digest in _DIGEST.findall(written[0]))
    return line[: written.start()] + b'"parents":[]' + line[written.end() :], names


def open_ends(lines: Iterable[bytes]) -> tuple[str, ...]:
    """Digests of the lines that no other line names, in the order of the file; the next event follows them.

    Other lines are not parsed, so that appending stays cheap. A line that a killed writer left torn is no
    end: somebody will remove it.
    """
    digests: dict[str, bytes] = {}
    named: set[str] = set()
    for line in lines:
        if not line.strip():
            continue
        digests[digest_of(line)] = line
        parents = _PARENTS.search(line)
        if parents is not None:
            named.update(digest.decode() for digest in _DIGEST.findall(parents[1]))
    return tuple(digest for digest, line in digests.items() if digest not in named and _is_whole(line))


def _is_whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def chain_faults(links: Sequence[Link]) -> Iterator[tuple[int, str]]:
    """Line and problem of everything that shows that a line was changed, added or removed by hand."""
    present = {link.digest for link in links}
    named = {name for link in links for name in link.names}
    is_chained = bool(named)
    for link in links:
        missing = sorted(name for name in link.names if name not in present)
        if missing:
            yield link.line, f"follows a line ({missing[0]}) that was changed or removed"
        has_parents_too_early = link.event.v < CHAINED and bool(link.names)
        has_other_id = link.event.v >= CHAINED and link.event.id != content_id(link.event)
        if has_parents_too_early or has_other_id:
            yield link.line, "says something else than its id was made from: it was changed by hand"
        if is_chained and link.is_older_than_chain and link.digest not in named:
            yield link.line, "is no part of the chain: no event vouches for it"


def unchained(links: Sequence[Link]) -> int:
    """How many lines are older than the chain."""
    return sum(link.is_older_than_chain for link in links)

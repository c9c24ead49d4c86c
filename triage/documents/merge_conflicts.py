"""Settle what git could not merge in a ledger: regions are views, so that neither side of them is needed.

A conflict inside of regions is taken out and the regions are emptied, to be rendered again. Text of people
that the two sides have alike survives; where it differs, only a person can settle it. A conflict that
touches no region is text like any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from triage.documents.regions import scan
from triage.errors import TriageError, UsageError
from triage.text.conflict import BrokenConflict, Conflict, conflicts_in


@dataclass(frozen=True)
class _Side:
    """The lines that one branch has for a conflict."""

    regions: frozenset[str]
    """Names of the regions that some of them belong to, markers included."""
    other_text: tuple[bytes, ...]
    """Those that belong to no region, blank ones left out."""


def conflicted_line(data: bytes, where: str) -> int | None:
    """Number of the line where the first conflict that touches a region begins; None where none does."""
    settled = _settled(_lines(data), where) if _may_conflict(data) else []
    return settled[0][0].begin + 1 if settled else None


def without_conflicts(data: bytes, where: str) -> bytes:
    """The document without the conflicts in its regions, which are emptied; every other byte is kept.

    Raises `UsageError` (merge-conflict) where a conflict reaches from a region into differing text of people.
    """
    if not _may_conflict(data):
        return data
    lines = _lines(data)
    settled = _settled(lines, where)
    if not settled:
        return data
    kept = list(lines)
    touched: set[str] = set()
    for conflict, names in settled:
        touched |= names
        for index in range(conflict.begin, conflict.end + 1):
            if index not in conflict.ours:
                kept[index] = b""
    return _emptied(b"".join(kept), touched, where)


def _lines(data: bytes) -> list[bytes]:
    """The lines with their ends; cut at LF alone, as regions are."""
    return re.findall(rb"[^\n]*\n|[^\n]+", data)


def _may_conflict(data: bytes) -> bool:
    return b"<<<<<<< " in data


def _settled(lines: Sequence[bytes], where: str) -> list[tuple[Conflict, frozenset[str]]]:
    """Every conflict that touches regions, with their names."""
    try:
        conflicts = list(conflicts_in(lines))
    except BrokenConflict:  # no conflict of git's, then: text
        return []
    if not conflicts:
        return []
    ours = _sides(lines, conflicts, lambda conflict: conflict.ours, where)
    theirs = _sides(lines, conflicts, lambda conflict: conflict.theirs, where)
    found = []
    for conflict, our, their in zip(conflicts, ours, theirs, strict=True):
        names = our.regions | their.regions
        if not names:
            continue
        if our.other_text != their.other_text:
            raise _unsettled(where, conflict.begin, "reaches into text outside of triage's regions")
        found.append((conflict, names))
    return found


def _sides(
    lines: Sequence[bytes], conflicts: Sequence[Conflict], side: Callable[[Conflict], range], where: str
) -> list[_Side]:
    """What one branch has for each conflict, by the regions of the document as that branch has it."""
    other = {
        index
        for conflict in conflicts
        for index in range(conflict.begin, conflict.end + 1)
        if index not in side(conflict)
    }
    kept = [index for index in range(len(lines)) if index not in other]
    try:
        regions = scan(b"".join(lines[index] for index in kept), where)
    except TriageError as error:
        raise _unsettled(where, conflicts[0].begin, "leaves the markers of no region whole") from error
    name_of: dict[int, str] = {}
    for region in regions:
        for number in range(region.first_line, region.last_line + 1):
            name_of[kept[number - 1]] = region.name
    found = []
    for conflict in conflicts:
        names = frozenset(name_of[index] for index in side(conflict) if index in name_of)
        rest = [lines[index].strip() for index in side(conflict) if index not in name_of]
        found.append(_Side(names, tuple(text for text in rest if text)))
    return found


def _emptied(data: bytes, names: set[str], where: str) -> bytes:
    """The document with the bodies of these regions taken out: an invitation to render them again."""
    pieces: list[bytes] = []
    position = 0
    for region in scan(data, where):
        if region.name in names:
            pieces.append(data[position : region.body.start])
            position = region.body.stop
    return b"".join((*pieces, data[position:]))


def _unsettled(where: str, index: int, problem: str) -> UsageError:
    return UsageError(
        "merge-conflict",
        f"{where}:{index + 1}: a conflict of git {problem}",
        "settle it by hand; what stands between triage's markers may be left out",
    )

"""Take back what an earlier commit changed, in the present text of a file, and leave later changes in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import SequenceMatcher

from triage.text.hunks import ChangedText, Hunk, lines_of


def can_be_taken_back(changed: ChangedText, present: str | None) -> tuple[Hunk, ...]:
    """The hunks of a commit whose lines stand in the present text as the commit left them.

    `present` is None where there is no such file now.
    """
    if changed.after is None and present is None:
        return changed.hunks  # the commit removed the file, and there is none now
    if changed.after is None or present is None:
        return ()
    places = _present_places(changed.after, present)
    return tuple(hunk for hunk in changed.hunks if _place(hunk, places) is not None)


def taken_back(changed: ChangedText, present: str | None, hunks: Collection[Hunk]) -> str | None:
    """The present text with these hunks, which can be taken back, as before the commit; None for no file."""
    if changed.before is None or changed.after is None or present is None:
        return changed.before
    places = _present_places(changed.after, present)
    lines = lines_of(present)
    for hunk in reversed(changed.hunks):
        place = _place(hunk, places)
        if hunk in hunks and place is not None:
            lines[place : place + len(hunk.after)] = hunk.before
    return "".join(lines)


def _present_places(committed: str, present: str) -> list[int | None]:
    """For each line of the committed text, its index in the present one; None where it was changed."""
    old, new = lines_of(committed), lines_of(present)
    places: list[int | None] = [None] * len(old)
    # autojunk would take lines that occur often for no match: blank ones, `return`
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for block in matcher.get_matching_blocks():
        for offset in range(block.size):
            places[block.a + offset] = block.b + offset
    return places


def _place(hunk: Hunk, places: Sequence[int | None]) -> int | None:
    """Where the lines of a hunk begin in the present text; None where they do not stand there together.

    Lines that a commit only removed have no place of their own: that of the lines around them counts.
    """
    start = hunk.first - 1
    if hunk.is_file:
        is_as_committed = all(place == index for index, place in enumerate(places))
        return 0 if is_as_committed else None
    if hunk.is_removal:
        return _place_of_removed(start, places)
    found = places[start : start + len(hunk.after)]
    first = found[0]
    if first is None:
        return None
    stand_together = found == list(range(first, first + len(found)))
    return first if stand_together else None


def _place_of_removed(start: int, places: Sequence[int | None]) -> int | None:
    """Where removed lines, which stood before line `start` (from 0) of the committed text, would go back in.

    None where the line before them is gone, or something stands between it and the line behind them now.
    """
    before = places[start - 1] if start > 0 else -1
    if before is None:
        return None
    behind = places[start] if start < len(places) else None
    if behind is not None and behind != before + 1:
        return None
    return before + 1

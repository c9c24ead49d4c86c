"""Divide the difference between two texts of a file into hunks, and take any of them back."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher

from triage.text.lines import lines_in_words

_MOST_COMPARED = 4_000
"""Lines, once common beginnings and ends are left out, up to which they are compared one by one: beyond it
comparing takes seconds, and a difference of that size is one piece."""

_MOST_LINES_DIVIDED = 20
"""A longer piece is new code in the place of old: its lines do not stand for each other."""


@dataclass(frozen=True)
class Hunk:
    """Lines that a change replaced, or a whole file that it added, removed or rewrote."""

    path: str
    """Relative to the suite's root."""
    first: int
    """Line of the new text, from 1; where lines were only removed, the line that is there now."""
    last: int
    old_first: int
    """The same in the old text."""
    before: tuple[str, ...] = field(compare=False)
    after: tuple[str, ...] = field(compare=False)
    is_file: bool = False
    """Whether the whole file is one piece."""

    @property
    def name(self) -> str:
        """`path:first-last`, by the lines of the new text; the path alone of a whole file."""
        return self.path if self.is_file else f"{self.path}:{self.first}-{self.last}"

    @property
    def in_words(self) -> str:
        """`line 12 of src/a.py`, `lines 12-14 of src/a.py`; the path alone of a whole file."""
        return self.path if self.is_file else lines_in_words(self.path, self.first, self.last)

    @property
    def has_several_lines(self) -> bool:
        """Whether words on it stand in the plural: a whole file is one file."""
        return not self.is_file and self.first != self.last

    @property
    def is_removal(self) -> bool:
        """Whether lines were removed and none put in their place."""
        return not self.after


@dataclass(frozen=True)
class ChangedText:
    """One file of a difference with its hunks; None is a file that is not there."""

    path: str
    before: str | None
    after: str | None
    hunks: tuple[Hunk, ...]

    def without(self, reverted: Collection[Hunk]) -> str | None:
        """The new text with some of its hunks taken back."""
        if self.before is None or self.after is None or (self.hunks and self.hunks[0].is_file):
            return self.before if any(hunk in reverted for hunk in self.hunks) else self.after
        lines = lines_of(self.after)
        for hunk in reversed(self.hunks):
            if hunk in reverted:
                start = hunk.first - 1
                lines[start : start + len(hunk.after)] = hunk.before
        return "".join(lines)


def line_by_line(changed: ChangedText, hunks: Collection[Hunk]) -> ChangedText:
    """The file with each of these hunks divided into its lines, where as many replaced as many."""
    divided: list[Hunk] = []
    for hunk in changed.hunks:
        divided += _lines_of_hunk(hunk) if hunk in hunks else [hunk]
    return replace(changed, hunks=tuple(divided))


def _lines_of_hunk(hunk: Hunk) -> list[Hunk]:
    count = len(hunk.after)
    if hunk.is_file or len(hunk.before) != count or count > _MOST_LINES_DIVIDED:
        return [hunk]
    return [
        replace(
            hunk,
            first=hunk.first + at,
            last=hunk.first + at,
            old_first=hunk.old_first + at,
            before=(hunk.before[at],),
            after=(hunk.after[at],),
        )
        for at in range(count)
    ]


def changed_text(path: str, before: str | None, after: str | None) -> ChangedText:
    """One file with its hunks, in the order of their lines."""
    if before is None or after is None:
        return ChangedText(path, before, after, (_whole_file(path, before, after),))
    old, new = lines_of(before), lines_of(after)
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    old_part, new_part = old[start : len(old) - end], new[start : len(new) - end]
    if len(old_part) + len(new_part) > _MOST_COMPARED:
        return ChangedText(path, before, after, (_whole_file(path, before, after),))
    hunks: list[Hunk] = []
    for tag, old_from, old_to, new_from, new_to in SequenceMatcher(
        None, old_part, new_part, autojunk=False
    ).get_opcodes():
        if tag == "equal":
            continue
        first = start + new_from + 1
        hunk = Hunk(
            path=path,
            first=first,
            last=max(first, start + new_to),
            old_first=start + old_from + 1,
            before=tuple(old_part[old_from:old_to]),
            after=tuple(new_part[new_from:new_to]),
        )
        hunks += _parts(hunk)
    return ChangedText(path, before, after, tuple(hunks))


def _parts(hunk: Hunk) -> Iterator[Hunk]:
    """The hunk; in two where lines were replaced and a block was added right behind them.

    A blank line divides them: what was added behind it is another thought than the replaced lines, and may
    stay where these are taken back.
    """
    has_blank_line = any(not line.strip() for line in hunk.before)
    blank = next((at for at, line in enumerate(hunk.after) if not line.strip()), 0)
    if not hunk.before or has_blank_line or not blank:
        yield hunk
        return
    yield replace(hunk, last=hunk.first + blank - 1, after=hunk.after[:blank])
    yield replace(
        hunk,
        first=hunk.first + blank,
        old_first=hunk.old_first + len(hunk.before),
        before=(),
        after=hunk.after[blank:],
    )


@dataclass(frozen=True)
class Difference:
    """Everything that lies between a good and a bad state of the code, as far as it can be taken back."""

    files: Mapping[str, ChangedText]
    """By path."""
    hunks: tuple[Hunk, ...]
    """In the order in which a search looks at them; those of one file side by side."""

    def edits(self, reverted: Collection[Hunk]) -> dict[str, str | None]:
        """The files of the bad state that get another text where these hunks are taken back."""
        touched = dict.fromkeys(hunk.path for hunk in self.hunks if hunk in reverted)
        return {path: self.files[path].without(reverted) for path in touched}

    def named(self, names: Collection[str]) -> frozenset[Hunk]:
        """The hunks with these names."""
        wanted = set(names)
        return frozenset(hunk for hunk in self.hunks if hunk.name in wanted)


def lines_of(text: str) -> list[str]:
    """Lines with their ends, cut at line feeds only: other separators are characters to editors."""
    parts = text.split("\n")
    lines = [f"{part}\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines


def moved_into(hunk: Hunk, text: str) -> Iterator[str]:
    """Give the text without a hunk of an older commit; nothing where its lines have changed since.

    Where its lines are there several times, those nearest to their old place are meant.
    """
    if hunk.is_file or hunk.is_removal:
        return
    lines = lines_of(text)
    after = list(hunk.after)
    places = [
        index for index in range(len(lines) - len(after) + 1) if lines[index : index + len(after)] == after
    ]
    if places:
        place = min(places, key=lambda index: abs(index - hunk.first + 1))
        yield "".join([*lines[:place], *hunk.before, *lines[place + len(after) :]])


def _whole_file(path: str, before: str | None, after: str | None) -> Hunk:
    old, new = lines_of(before or ""), lines_of(after or "")
    return Hunk(
        path=path,
        first=1,
        last=max(1, len(new)),
        old_first=1,
        before=tuple(old),
        after=tuple(new),
        is_file=True,
    )


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines two texts have in common from their beginning."""
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count

"""Find what git leaves in a file that two branches changed alike: conflict marks and both sides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_BEGIN, _BASE, _MIDDLE, _END = b"<<<<<<< ", b"||||||| ", b"=======", b">>>>>>> "
"""Each stands at the start of a line of its own; the base is there with `merge.conflictStyle = diff3`."""
_ANY_MARK = (_BEGIN, _BASE, _MIDDLE, _END)


class BrokenConflict(ValueError):
    """A mark without its counterpart; `index` is its line, from 0."""

    def __init__(self, index: int) -> None:
        super().__init__(f"line {index + 1} is a conflict mark of git without its counterpart")
        self.index = index


@dataclass(frozen=True)
class Conflict:
    """Where one conflict stands: indexes of its marks among the lines of the file."""

    begin: int
    base: int | None
    middle: int
    end: int

    @property
    def marks(self) -> frozenset[int]:
        """All of its marks."""
        return frozenset(
            index for index in (self.begin, self.base, self.middle, self.end) if index is not None
        )

    @property
    def ours(self) -> range:
        """Lines of the branch that was merged into."""
        return range(self.begin + 1, self.middle if self.base is None else self.base)

    @property
    def theirs(self) -> range:
        """Lines of the branch that was merged."""
        return range(self.middle + 1, self.end)


def conflicts_in(lines: Sequence[bytes]) -> Iterator[Conflict]:
    """Every conflict of a file, in order.

    Raises `BrokenConflict` for a mark without its counterpart. A line of seven equal signs alone is none:
    in markdown it underlines a heading.
    """
    if not any(line.startswith(_ANY_MARK) for line in lines):
        return
    begin = base = middle = None
    for index, line in enumerate(lines):
        if line.startswith(_BEGIN):
            if begin is not None:
                raise BrokenConflict(begin)
            begin, base, middle = index, None, None
        elif line.startswith(_BASE) and begin is not None and middle is None:
            base = index
        elif line.rstrip() == _MIDDLE and begin is not None and middle is None:
            middle = index
        elif line.startswith(_END):
            if begin is None or middle is None:
                raise BrokenConflict(index)
            yield Conflict(begin, base, middle, index)
            begin = None
    if begin is not None:
        raise BrokenConflict(begin)

"""How much of what could be tried a hunt has tried: ordered pairs of tests, neighbours, tests alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from triage.model.nodeid import file_of


class OrderedPairs:
    """Which tests have run before which, and which directly before which, in one process."""

    def __init__(self, tests: Sequence[str]) -> None:
        """A set of tests is one large number with a bit for each: pairs of 5,000 tests fit into 3 MB."""
        self._index = {nodeid: number for number, nodeid in enumerate(tests)}
        self._before = [0] * len(self._index)
        self._neighbours: set[tuple[str, str]] = set()

    def add(self, order: Iterable[str], apart: int | None = None) -> None:
        """Count an order that was run; tests that are not among those of the suite are left out.

        From position `apart` on each test ran behind those before the position alone.
        """
        seen = 0
        last: str | None = None
        for place, nodeid in enumerate(order):
            number = self._index.get(nodeid)
            if number is None:
                continue
            self._before[number] |= seen
            if apart is not None and place >= apart:
                continue
            seen |= 1 << number
            if last is not None and file_of(last) != file_of(nodeid):
                self._neighbours.add((file_of(last), file_of(nodeid)))
            last = nodeid

    @property
    def pairs(self) -> int:
        """Ordered pairs of two tests."""
        count = len(self._index)
        return count * (count - 1)

    @property
    def covered(self) -> int:
        """Pairs of which the first has run before the second."""
        return sum((before & ~(1 << number)).bit_count() for number, before in enumerate(self._before))

    @property
    def file_pairs(self) -> int:
        """Ordered pairs of two files."""
        files = len({file_of(nodeid) for nodeid in self._index})
        return files * (files - 1)

    @property
    def covered_file_pairs(self) -> int:
        """Pairs of files of which a test of the second has run directly behind a test of the first."""
        return len(self._neighbours)


def share(part: int, whole: int) -> float:
    """Covered share; of nothing everything is covered."""
    return part / whole if whole else 1.0

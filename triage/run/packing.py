"""Modules of a suite packed into chunks that finish together. Pure.

Packing is longest-processing-time-first (Graham 1969: at most 4/3 of the optimum, in practice within a
few percent), so workers that take the longest chunk next finish almost together.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

from triage.model.run import Suite
from triage.run.grouping import Group, Item, numbered

_WORTHWHILE_SECONDS = 0.25
"""Of a chunk, and of a module that is split: shorter ones cost more to start than they help to share."""
_START_SECONDS = 0.05
"""What a chunk costs beside its tests."""
_PIECES = 4
"""Parts of a module that is too long, to a chunk's length: small enough to fill the gaps."""
_LIMIT_SHARE = 0.8
"""A chunk is planned to need at most this part of its time limit."""


def balanced_chunks(items: Sequence[Item], seconds: Sequence[float], suite: Suite) -> list[Group]:
    """Chunks in order of their first test, as many as finish first; `seconds` is expected of each item."""
    if not items:
        return []
    packing = _Packing(items, seconds, suite)
    candidates = [packing.packed(count) for count in packing.counts()]
    best = min(candidates, key=lambda chunks: (packing.finish(chunks), len(chunks)))
    return numbered(best)


class _Packing:
    """The modules of one suite; a test is named by its index."""

    def __init__(self, items: Sequence[Item], seconds: Sequence[float], suite: Suite) -> None:
        self._items, self._seconds, self._suite = items, seconds, suite
        self._workers = suite.workers * (suite.shard[1] if suite.shard else 1)
        """Of all machines that share the plan."""
        self._modules: dict[str, list[int]] = {}
        for index, item in enumerate(items):
            self._modules.setdefault(item.file, []).append(index)

    def counts(self) -> list[int]:
        """How many chunks might be good: as asked, else as long as `chunk_seconds`, and work for all."""
        if self._suite.chunks is not None:
            return [self._suite.chunks]
        total = sum(self._seconds)
        count = math.ceil(total / self._suite.chunk_seconds)
        limit = self._suite.limits.chunk_timeout
        if limit is not None:
            count = max(count, math.ceil(total / (_LIMIT_SHARE * limit)))
        steps: Sequence[int] = (0,)
        if self._workers > 1:
            # a number of chunks that workers can share evenly; never more of them than there are modules
            shared_evenly = math.ceil(count / self._workers) * self._workers
            count = max(shared_evenly, min(2 * self._workers, len(self._modules)))
            if total / count >= _WORTHWHILE_SECONDS:
                steps = range(0, 2 * self._workers + 1, max(1, self._workers // 2))
        return [max(1, min(count + step, len(self._items))) for step in steps]

    def packed(self, count: int) -> list[list[int]]:
        """At most `count` chunks of nearly equal time, in order of their first test."""
        target = sum(self._seconds) / count
        units: list[list[int]] = []
        for members in self._modules.values():
            units += self._pieces(members, target) if count > 1 else [members]
        heaviest_first = sorted(units, key=lambda unit: (-self._load(unit), unit[0]))
        bins: list[tuple[float, int, list[int]]] = [
            (0.0, number, []) for number in range(min(count, len(units)))
        ]
        for unit in heaviest_first:
            load, number, members = heapq.heappop(bins)
            heapq.heappush(bins, (load + self._load(unit), number, members + unit))
        return sorted(sorted(members) for _, _, members in bins if members)

    def finish(self, chunks: Sequence[Sequence[int]]) -> float:
        """When the last worker is done, each taking the longest chunk that is left."""
        busy_until = [0.0] * self._workers
        for load in sorted((self._load(members) for members in chunks), reverse=True):
            heapq.heapreplace(busy_until, busy_until[0] + load + _START_SECONDS)
        return max(busy_until)

    def _load(self, members: Sequence[int]) -> float:
        return sum(self._seconds[index] for index in members)

    def _pieces(self, members: list[int], target: float) -> list[list[int]]:
        """A module, or parts of it where it alone is longer than the `target` of a chunk.

        Equal ids stay together: they are told apart by their order.
        """
        total = self._load(members)
        has_equal_ids = len({self._items[index].nodeid for index in members}) < len(members)
        if total <= target or target <= 0 or has_equal_ids or len(members) == 1:
            return [members]
        if self._suite.chunks is None and total < _WORTHWHILE_SECONDS:
            # nothing is gained, and tests that fail only behind their neighbours would pass
            return [members]
        parts = math.ceil(_PIECES * total / target)
        share = total / parts
        pieces: list[list[int]] = [[]]
        load = 0.0
        for index in members:
            is_full = load + self._seconds[index] / 2 > share * len(pieces)
            if pieces[-1] and is_full and len(pieces) < parts:
                pieces.append([])
            pieces[-1].append(index)
            load += self._seconds[index]
        return pieces

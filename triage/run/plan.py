"""Chunks out of collected tests: by module, balanced by recorded durations, or as a manifest says. Pure.

Packing is longest-processing-time-first (Graham 1969: at most 4/3 of the optimum, in practice within a
few percent), so workers that take the longest chunk next finish almost together.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from triage.errors import UsageError
from triage.model.run import Chunk, Plan, Suite
from triage.run.order import Order, parse_order, shuffled

ASSUMED_SECONDS = 0.0025
"""Of a test that nothing is known about, where no test of the suite has a recorded duration."""
_WORTHWHILE_SECONDS = 0.25
"""Of a chunk, and of a module that is split: shorter ones cost more to start than they help to share."""
_START_SECONDS = 0.05
"""What a chunk costs beside its tests."""
_PIECES = 4
"""Parts of a module that is too long, to a chunk's length: small enough to fill the gaps."""
_LIMIT_SHARE = 0.8
"""A chunk is planned to need at most this part of its time limit."""
_LEAST_DIGITS = 2
"""Of a chunk's number, so that a listing of folders is in order: chunk_03."""
_DIGEST_CHARS = 16
_REST = "chunk_rest"
"""The chunk of all tests that a manifest or an order does not name."""


@dataclass(frozen=True)
class Item:
    """A collected test: its public id and the file that it comes from."""

    nodeid: str
    file: str


def plan(
    items: Sequence[Item],
    suite: Suite,
    durations: Mapping[str, float],
    manifest: str | None = None,
    listed: Sequence[str] = (),
) -> Plan:
    """The plan of a run; the same input gives the same plan on every machine. No items, no chunks.

    `manifest` is the text of a JSON object {chunk name: [node id, file or folder, ...]}; `listed` are the
    names in the file of an order.
    """
    weights, source = _weights(items, durations)
    if manifest is not None and items:
        groups = _from_manifest(items, manifest)
        source = "manifest"
    elif suite.order is not None and items:
        groups = _in_order(items, parse_order(suite.order), listed, suite.chunks or 1)
        source = "order"
    else:
        groups = _Packing(items, weights, suite).groups()
    chunks = []
    for name, members in groups:
        nodeids = tuple(items[i].nodeid for i in members)
        seconds = sum(weights[i] for i in members)
        chunks.append(Chunk(name=name, nodeids=nodeids, expected_seconds=round(seconds, 6)))
    return _sharded(chunks, suite, source)


def _weights(items: Sequence[Item], durations: Mapping[str, float]) -> tuple[list[float], str]:
    """Expected seconds of each item, and where they come from."""
    known = sorted(durations[item.nodeid] for item in items if item.nodeid in durations)
    if not known:
        return [ASSUMED_SECONDS] * len(items), "module sizes"
    median = known[len(known) // 2]
    return [max(0.0, durations.get(item.nodeid, median)) for item in items], "history"


# -- balanced chunks --------------------------------------------------------------------------------


class _Packing:
    """Modules of one suite, packed into chunks; an item is named by its index."""

    def __init__(self, items: Sequence[Item], weights: Sequence[float], suite: Suite) -> None:
        self._items, self._weights, self._suite = items, weights, suite
        self._workers = suite.workers * (suite.shard[1] if suite.shard else 1)
        """Of all machines that share the plan."""
        self._modules: dict[str, list[int]] = {}
        for index, item in enumerate(items):
            self._modules.setdefault(item.file, []).append(index)

    def groups(self) -> list[tuple[str, list[int]]]:
        """The chunks, named and in order of their first test, that finish first."""
        if not self._items:
            return []
        candidates = [self._packed(count) for count in self._counts()]
        chunks = min(candidates, key=lambda chunks: (self._finish(chunks), len(chunks)))
        digits = max(_LEAST_DIGITS, len(str(len(chunks))))
        return [(f"chunk_{number:0{digits}d}", members) for number, members in enumerate(chunks, 1)]

    def _load(self, members: Sequence[int]) -> float:
        return sum(self._weights[i] for i in members)

    def _counts(self) -> list[int]:
        """How many chunks might be good: as asked, else as long as `chunk_seconds`, and work for all."""
        if self._suite.chunks is not None:
            return [self._suite.chunks]
        total = sum(self._weights)
        count = math.ceil(total / self._suite.chunk_seconds)
        limit = self._suite.limits.chunk_timeout
        if limit is not None:
            count = max(count, math.ceil(total / (_LIMIT_SHARE * limit)))
        if self._workers > 1:
            # a number of chunks that workers can share evenly; never more of them than there are modules
            shared_evenly = math.ceil(count / self._workers) * self._workers
            count = max(shared_evenly, min(2 * self._workers, len(self._modules)))
        steps: Sequence[int] = (0,)
        if self._workers > 1 and total / count >= _WORTHWHILE_SECONDS:
            steps = range(0, 2 * self._workers + 1, max(1, self._workers // 2))
        return [max(1, min(count + step, len(self._items))) for step in steps]

    def _packed(self, count: int) -> list[list[int]]:
        """At most `count` chunks of nearly equal weight, in order of their first test."""
        target = sum(self._weights) / count
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

    def _pieces(self, members: list[int], target: float) -> list[list[int]]:
        """A module, or parts of it where it alone is longer than the `target` of a chunk.

        Equal ids stay together: they are told apart by their order.
        """
        total = self._load(members)
        has_equal_ids = len({self._items[i].nodeid for i in members}) < len(members)
        if total <= target or target <= 0 or has_equal_ids or len(members) == 1:
            return [members]
        if self._suite.chunks is None and total < _WORTHWHILE_SECONDS:
            # nothing is gained, and tests that fail only behind their neighbours would pass
            return [members]
        parts = math.ceil(_PIECES * total / target)
        share = total / parts
        pieces: list[list[int]] = [[]]
        load = 0.0
        for i in members:
            is_full = load + self._weights[i] / 2 > share * len(pieces)
            if pieces[-1] and is_full and len(pieces) < parts:
                pieces.append([])
            pieces[-1].append(i)
            load += self._weights[i]
        return pieces

    def _finish(self, chunks: Sequence[Sequence[int]]) -> float:
        """When the last worker is done, each taking the longest chunk that is left."""
        busy_until = [0.0] * self._workers
        for load in sorted((self._load(members) for members in chunks), reverse=True):
            heapq.heapreplace(busy_until, busy_until[0] + load + _START_SECONDS)
        return max(busy_until)


# -- chunks of a manifest ---------------------------------------------------------------------------


def _from_manifest(items: Sequence[Item], text: str) -> list[tuple[str, list[int]]]:
    """The named chunks, and one of all tests that no chunk names."""
    left = dict.fromkeys(range(len(items)))  # in order, and quick to delete from
    groups = [
        (name, _taken(items, left, selectors, f"the manifest's {name}"))
        for name, selectors in _parsed(text).items()
    ]
    return [*groups, (_REST, list(left))] if left else groups


def _taken(items: Sequence[Item], left: dict[int, None], selectors: Sequence[str], whose: str) -> list[int]:
    """The items that the selectors name, in their order; taken from those that are left."""
    by_id: dict[str, list[int]] = {}
    for index in left:
        by_id.setdefault(items[index].nodeid, []).append(index)
    members: list[int] = []
    for selector in selectors:
        exact = by_id.get(selector)
        candidates = exact if exact is not None else [i for i in left if _covers(selector, items[i].nodeid)]
        found = [index for index in candidates if index in left]
        if not found:
            raise UsageError(
                "manifest-names-unknown",
                f"{whose} names {selector!r}, which no test (that is left) matches",
                "correct it; `pytest --collect-only -q` lists the node ids",
            )
        members += found
        for index in found:
            del left[index]
    return members


# -- one sequence -----------------------------------------------------------------------------------


def _in_order(
    items: Sequence[Item], order: Order, listed: Sequence[str], chunks: int
) -> list[tuple[str, list[int]]]:
    """One chunk in this order, or so many that follow on one another; behind them what no file lists."""
    left = dict.fromkeys(range(len(items)))
    if order.path is not None:
        sequence = _taken(items, left, listed, f"the order {order.path}")
    else:
        left = {}
        sequence = list(range(len(items)))  # as a plugin has shuffled them, where one has
        if order.is_reversed:
            sequence.reverse()
        elif order.seed is not None and order.plugin is None:
            sequence = shuffled([item.file for item in items], order.seed)
    length = math.ceil(len(sequence) / min(chunks, len(sequence)))
    parts = [sequence[start : start + length] for start in range(0, len(sequence), length)]
    digits = max(_LEAST_DIGITS, len(str(len(parts))))
    groups = [(f"chunk_{number:0{digits}d}", part) for number, part in enumerate(parts, 1)]
    return [*groups, (_REST, list(left))] if left else groups


def _parsed(text: str) -> dict[str, list[str]]:
    try:
        named = json.loads(text)
    except ValueError as error:
        raise _bad_manifest(f"is not JSON: {error}") from error
    if not isinstance(named, dict) or not named or not all(map(_is_list_of_ids, named.values())):
        raise _bad_manifest("is not an object of chunk names with lists of node ids")
    for name in named:
        if not name.replace("_", "").replace("-", "").isalnum():
            raise _bad_manifest(f"has a chunk named {name!r}, which cannot be a folder's name")
    return named


def _is_list_of_ids(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(nodeid, str) for nodeid in value)


def _bad_manifest(what: str) -> UsageError:
    return UsageError(
        "bad-manifest", f"the chunk manifest {what}", 'write {"chunk_01": ["tests/test_a.py", ...]}'
    )


def _covers(selector: str, nodeid: str) -> bool:
    stem = selector.rstrip("/")
    return nodeid == stem or nodeid.startswith((f"{stem}::", f"{stem}[", f"{stem}/"))


# -- shards -----------------------------------------------------------------------------------------


def _sharded(chunks: list[Chunk], suite: Suite, source: str) -> Plan:
    """The plan of this machine: all chunks, or those of its shard."""
    whole = Plan(
        chunks=tuple(chunks),
        limits=suite.limits,
        durations_from=source,
        digest=plan_digest(chunks),
        planned=sum(len(chunk.nodeids) for chunk in chunks),
    )
    if suite.shard is None:
        return whole
    number, count = suite.shard
    mine = {chunk.name for chunk in shares(chunks, count)[number - 1]}
    own = tuple(chunk for chunk in chunks if chunk.name in mine)
    others = tuple(chunk for chunk in chunks if chunk.name not in mine)
    return whole.model_copy(update={"chunks": own, "others": others, "shard": f"{number}/{count}"})


def shares(chunks: Sequence[Chunk], count: int) -> list[list[Chunk]]:
    """The chunks dealt to `count` machines, longest first, each to the machine with the least to do."""
    machines: list[tuple[float, int, list[Chunk]]] = [(0.0, number, []) for number in range(count)]
    for chunk in longest_first(chunks):
        load, number, share = heapq.heappop(machines)
        heapq.heappush(machines, (load + (chunk.expected_seconds or 0.0), number, [*share, chunk]))
    in_order = sorted(machines, key=lambda machine: machine[1])
    return [share for _, _, share in in_order]


def longest_first(chunks: Sequence[Chunk]) -> list[Chunk]:
    """The order in which workers take chunks."""
    return sorted(chunks, key=lambda chunk: (-(chunk.expected_seconds or 0.0), chunk.name))


def plan_digest(chunks: Sequence[Chunk]) -> str:
    """The same for two machines exactly where they would cut the suite in the same way."""
    text = json.dumps([[chunk.name, chunk.nodeids] for chunk in chunks])
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARS]

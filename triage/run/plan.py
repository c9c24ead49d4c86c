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
from triage.model.run import Chunk, Limits, Plan, Suite

ASSUMED_SECONDS = 0.0025
"""Of a test that nothing is known about, where no test of the suite has a recorded duration."""
_WORTHWHILE_SECONDS = 0.25
"""Of a chunk: shorter ones cost more to start than they help to share."""
_START_SECONDS = 0.05
"""What a chunk costs beside its tests."""
_PIECES = 4
"""Parts of a module that is too long, to a chunk's length: small enough to fill the gaps."""
_LIMIT_SHARE = 0.8
"""A chunk is planned to need at most this part of its time limit."""


@dataclass(frozen=True)
class Item:
    """A collected test: its public id and the file that it comes from."""

    nodeid: str
    file: str


def plan(
    items: Sequence[Item], suite: Suite, durations: Mapping[str, float], manifest: str | None = None
) -> Plan:
    """The plan of a run; the same input gives the same plan on every machine.

    `manifest` is the text of a JSON object {chunk name: [node id, file or folder, ...]}.
    """
    weights, source = _weights(items, durations)
    if manifest is not None:
        groups, source = _from_manifest(items, manifest), "manifest"
    else:
        groups = _balanced(items, weights, suite)
    chunks = [
        Chunk(
            name=name,
            nodeids=tuple(items[i].nodeid for i in members),
            expected_seconds=round(sum(weights[i] for i in members), 6),
        )
        for name, members in groups
    ]
    return _sharded(chunks, suite, source)


def _weights(items: Sequence[Item], durations: Mapping[str, float]) -> tuple[list[float], str]:
    known = [durations[item.nodeid] for item in items if item.nodeid in durations]
    if not known:
        return [ASSUMED_SECONDS] * len(items), "module sizes"
    typical = sorted(known)[len(known) // 2]
    return [max(0.0, durations.get(item.nodeid, typical)) for item in items], "history"


def _counts(weights: Sequence[float], suite: Suite, modules: int) -> list[int]:
    """How many chunks might be good: as asked, else about `chunk_seconds` long, and work for every worker."""
    if suite.chunks is not None:
        return [suite.chunks]
    total, hands = sum(weights), _hands(suite)
    count = math.ceil(total / suite.chunk_seconds)
    if suite.limits.chunk_timeout is not None:
        count = max(count, math.ceil(total / (_LIMIT_SHARE * suite.limits.chunk_timeout)))
    if hands > 1:
        # a number of chunks that workers can share evenly; never more of them than there are modules
        count = max(-(-count // hands) * hands, min(2 * hands, modules))
    more = hands > 1 and total / count >= _WORTHWHILE_SECONDS
    steps = range(0, 2 * hands + 1, max(1, hands // 2)) if more else (0,)
    return [max(1, min(count + step, len(weights))) for step in steps]


def _hands(suite: Suite) -> int:
    return suite.workers * (suite.shard[1] if suite.shard else 1)


def _balanced(items: Sequence[Item], weights: Sequence[float], suite: Suite) -> list[tuple[str, list[int]]]:
    modules: dict[str, list[int]] = {}
    for index, item in enumerate(items):
        modules.setdefault(item.file, []).append(index)
    hands = _hands(suite)
    tried = [_packed(items, weights, modules, count) for count in _counts(weights, suite, len(modules))]
    chunks = min(tried, key=lambda chunks: (_finish(chunks, weights, hands), len(chunks)))
    width = max(2, len(str(len(chunks))))
    return [(f"chunk_{number:0{width}d}", members) for number, members in enumerate(chunks, 1)]


def _packed(
    items: Sequence[Item], weights: Sequence[float], modules: Mapping[str, list[int]], count: int
) -> list[list[int]]:
    """At most `count` chunks of nearly equal weight, in order of their first test."""
    target = sum(weights) / count if count else 0.0
    units = [unit for members in modules.values() for unit in _pieces(items, members, weights, target, count)]
    heaviest = sorted(units, key=lambda unit: (-sum(weights[i] for i in unit), unit[0]))
    bins: list[tuple[float, int, list[int]]] = [(0.0, number, []) for number in range(min(count, len(units)))]
    for unit in heaviest:
        load, number, members = heapq.heappop(bins)
        heapq.heappush(bins, (load + sum(weights[i] for i in unit), number, members + unit))
    return sorted(sorted(members) for _, _, members in bins if members)


def _finish(chunks: Sequence[Sequence[int]], weights: Sequence[float], hands: int) -> float:
    """When the last worker is done, each taking the longest chunk that is left; chunks cost their start."""
    loads = [0.0] * hands
    for load in sorted((sum(weights[i] for i in members) for members in chunks), reverse=True):
        heapq.heapreplace(loads, loads[0] + load + _START_SECONDS)
    return max(loads)


def _pieces(
    items: Sequence[Item], members: list[int], weights: Sequence[float], target: float, count: int
) -> list[list[int]]:
    """A module, or parts of it where it alone is longer than a chunk should be.

    Equal ids stay together: they are told apart by their order.
    """
    total = sum(weights[i] for i in members)
    unique = len({items[i].nodeid for i in members}) == len(members)
    splits = total > target > 0 and unique and count > 1
    parts = math.ceil(_PIECES * total / target) if splits else 1
    if parts <= 1 or len(members) == 1:
        return [members]
    pieces: list[list[int]] = [[]]
    load, share = 0.0, total / parts
    for i in members:
        if pieces[-1] and load + weights[i] / 2 > share * len(pieces) and len(pieces) < parts:
            pieces.append([])
        pieces[-1].append(i)
        load += weights[i]
    return pieces


def _from_manifest(items: Sequence[Item], text: str) -> list[tuple[str, list[int]]]:
    named = _parsed(text)
    left = dict.fromkeys(range(len(items)))
    groups: list[tuple[str, list[int]]] = []
    for name, selectors in named.items():
        members: list[int] = []
        for selector in selectors:
            found = [i for i in left if _covers(selector, items[i].nodeid)]
            if not found:
                raise UsageError(
                    "manifest-names-unknown",
                    f"the manifest's {name} names {selector!r}, which no test (that is left) matches",
                    "correct the manifest; `pytest --collect-only -q` lists the node ids",
                )
            members += found
            for i in found:
                del left[i]
        groups.append((name, members))
    return [*groups, ("chunk_rest", list(left))] if left else groups


def _parsed(text: str) -> dict[str, list[str]]:
    try:
        named = json.loads(text)
    except ValueError as error:
        raise _bad_manifest(f"is not JSON: {error}") from error
    shape = isinstance(named, dict) and all(
        isinstance(ids, list) and ids and all(isinstance(one, str) for one in ids) for ids in named.values()
    )
    if not shape or not named:
        raise _bad_manifest("is not an object of chunk names with lists of node ids")
    if bad := [name for name in named if not name.replace("_", "").replace("-", "").isalnum()]:
        raise _bad_manifest(f"has a chunk named {bad[0]!r}, which cannot be a folder's name")
    return {str(name): ids for name, ids in named.items()}


def _bad_manifest(what: str) -> UsageError:
    return UsageError(
        "bad-manifest", f"the chunk manifest {what}", 'write {"chunk_01": ["tests/test_a.py", ...]}'
    )


def _covers(selector: str, nodeid: str) -> bool:
    stem = selector.rstrip("/")
    return nodeid == stem or nodeid.startswith((f"{stem}::", f"{stem}[", f"{stem}/"))


def _sharded(chunks: list[Chunk], suite: Suite, source: str) -> Plan:
    digest = plan_digest(chunks)
    total = sum(len(chunk.nodeids) for chunk in chunks)
    limits: Limits = suite.limits
    if suite.shard is None:
        return Plan(chunks=tuple(chunks), limits=limits, durations_from=source, digest=digest, planned=total)
    number, count = suite.shard
    mine = {chunk.name for chunk in shares(chunks, count)[number - 1]}
    return Plan(
        chunks=tuple(chunk for chunk in chunks if chunk.name in mine),
        others=tuple(chunk for chunk in chunks if chunk.name not in mine),
        limits=limits,
        durations_from=source,
        shard=f"{number}/{count}",
        digest=digest,
        planned=total,
    )


def shares(chunks: Sequence[Chunk], count: int) -> list[list[Chunk]]:
    """The chunks dealt to `count` machines, longest first, each to the machine with the least to do."""
    hands: list[tuple[float, int, list[Chunk]]] = [(0.0, number, []) for number in range(count)]
    for chunk in longest_first(chunks):
        load, number, mine = heapq.heappop(hands)
        heapq.heappush(hands, (load + (chunk.expected_seconds or 0.0), number, [*mine, chunk]))
    return [mine for _, _, mine in sorted(hands, key=lambda hand: hand[1])]


def longest_first(chunks: Sequence[Chunk]) -> list[Chunk]:
    """The order in which workers take chunks."""
    return sorted(chunks, key=lambda chunk: (-(chunk.expected_seconds or 0.0), chunk.name))


def plan_digest(chunks: Sequence[Chunk]) -> str:
    """The same for two machines exactly where they would cut the suite in the same way."""
    text = json.dumps([[chunk.name, chunk.nodeids] for chunk in chunks])
    return hashlib.sha256(text.encode()).hexdigest()[:16]

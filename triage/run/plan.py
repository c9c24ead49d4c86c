"""The plan of a run: chunks out of collected tests, all of them or those of this machine's shard. Pure.

Chunks are as a manifest names them, in the order that the run asks for, or modules packed by their recorded
durations.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import math
from collections.abc import Mapping, Sequence

from triage.model.run import Chunk, Plan, Suite
from triage.run.grouping import Group, Item, numbered, with_rest
from triage.run.manifest import Unassigned, chunks_of_manifest
from triage.run.order import Order, parse_order, shuffled
from triage.run.packing import balanced_chunks

ASSUMED_SECONDS = 0.0025
"""Of a test that nothing is known about, where no test of the suite has a recorded duration."""
_DIGEST_CHARS = 16


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
    seconds, source = _expected_seconds(items, durations)
    if manifest is not None and items:
        groups = chunks_of_manifest(items, manifest)
        source = "manifest"
    elif suite.order is not None and items:
        groups = _in_order(items, parse_order(suite.order), listed, suite.chunks or 1)
        source = "order"
    else:
        groups = balanced_chunks(items, seconds, suite)
    chunks = []
    for group in groups:
        nodeids = tuple(items[index].nodeid for index in group.members)
        expected = sum(seconds[index] for index in group.members)
        chunks.append(Chunk(name=group.name, nodeids=nodeids, expected_seconds=round(expected, 6)))
    return _sharded(chunks, suite, source)


def _expected_seconds(items: Sequence[Item], durations: Mapping[str, float]) -> tuple[list[float], str]:
    """Expected seconds of each item, and where they come from."""
    known = sorted(durations[item.nodeid] for item in items if item.nodeid in durations)
    if not known:
        return [ASSUMED_SECONDS] * len(items), "module sizes"
    median = known[len(known) // 2]
    return [max(0.0, durations.get(item.nodeid, median)) for item in items], "history"


def _in_order(items: Sequence[Item], order: Order, listed: Sequence[str], chunks: int) -> list[Group]:
    """One chunk in this order, or so many that follow on one another; behind them what no file lists."""
    left: list[int] = []
    if order.path is not None:
        unassigned = Unassigned(items)
        sequence = unassigned.take(listed, f"the order {order.path}")
        left = unassigned.indexes
    else:
        sequence = list(range(len(items)))  # as a plugin has shuffled them, where one has
        if order.is_reversed:
            sequence.reverse()
        elif order.seed is not None and order.plugin is None:
            sequence = shuffled([item.file for item in items], order.seed)
    length = math.ceil(len(sequence) / min(chunks, len(sequence)))
    parts = [sequence[start : start + length] for start in range(0, len(sequence), length)]
    return with_rest(numbered(parts), left)


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

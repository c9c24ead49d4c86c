"""Select the items that run, and their order, by public id.

The public id is the node id made encodable and redacted, with a digest in the place of each secret: two
tests whose secrets differ have two ids. In this form it stands in every artifact, and selects the test again.
Ids that are equal in this form are told apart by their order of collection.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from triage.text.redact import Redactor
from triage.text.sanitize import encodable


def public_id(nodeid: str, redactor: Redactor) -> str:
    """Return a node id as it may be written."""
    return redactor.identifier(encodable(nodeid))


def public_ids(items: Sequence[Any], redactor: Redactor) -> list[str]:
    """Return the public id of each item."""
    nodeids = [item.nodeid for item in items]
    # of most suites no id has to be changed, and one search in all of them tells so
    everything = "\n".join(nodeids)
    if everything.isascii() and not redactor.spans(everything):
        return nodeids
    return [public_id(nodeid, redactor) for nodeid in nodeids]


def numbered(ids: Sequence[str]) -> list[int]:
    """Return for each id how often it came before."""
    count: dict[str, int] = defaultdict(int)
    numbers = []
    for name in ids:
        numbers.append(count[name])
        count[name] += 1
    return numbers


def exactly(
    items: Sequence[Any], ids: Sequence[str], wanted: Sequence[Sequence[Any]]
) -> tuple[list[Any], list[int]]:
    """Return the items named by pairs of an id and which of the items with this id, with the latter.

    In the order of `wanted`; a pair that names no item is left out.
    """
    by_id: dict[str, list[Any]] = defaultdict(list)
    for item, nodeid in zip(items, ids, strict=True):
        by_id[nodeid].append(item)
    chosen = []
    numbers = []
    for nodeid, nth in wanted:
        namesakes = by_id[nodeid]
        if nth < len(namesakes):
            chosen.append(namesakes[nth])
            numbers.append(nth)
    return chosen, numbers


def index_of(ids: Sequence[str], numbers: Sequence[int]) -> dict[tuple[str, int], int]:
    """Return where each item stands, by its id and which of the items with this id it is."""
    return {pair: place for place, pair in enumerate(zip(ids, numbers, strict=True))}


def indexed(
    items: Sequence[Any], places: Mapping[tuple[str, int], int], wanted: Sequence[Sequence[Any]]
) -> tuple[list[Any], list[int]]:
    """Return what `exactly` returns, by an index made beforehand: only the chosen items are touched."""
    chosen = []
    numbers = []
    for nodeid, nth in wanted:
        place = places.get((nodeid, nth))
        if place is not None:
            chosen.append(items[place])
            numbers.append(nth)
    return chosen, numbers


def matching(items: Sequence[Any], ids: Sequence[str], wanted: Sequence[str]) -> list[Any]:
    """Return the items that each name covers (see `covers`), each once, in the order of `wanted`."""
    by_id: dict[str, list[int]] = defaultdict(list)
    for index, nodeid in enumerate(ids):
        by_id[nodeid].append(index)
    chosen: list[Any] = []
    taken: set[int] = set()
    for name in wanted:
        found = by_id.get(name)
        if found is None:
            found = [index for index, nodeid in enumerate(ids) if covers(name, nodeid)]
        for index in found:
            if index not in taken:
                taken.add(index)
                chosen.append(items[index])
    return chosen


def covers(name: str, nodeid: str) -> bool:
    """Tell whether a name is that of the item, or of the function, class, file or folder that it is in."""
    stem = name.rstrip("/")
    if stem in ("", ".") or nodeid == stem:
        return True
    return nodeid.startswith((f"{stem}::", f"{stem}[", f"{stem}/"))

"""Which collected items run, and in which order: by public id, not by pytest's reading of its arguments.

The public id is the node id made encodable and redacted: the form in which it stands in every
artifact. Ids that are equal in this form are told apart by their order of collection.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from triage.text.redact import Redactor
from triage.text.sanitize import encodable


def public_id(nodeid: str, redact: Callable[[str], str]) -> str:
    """The id as it is written."""
    return redact(encodable(nodeid))


def public_ids(items: Sequence[Any], redactor: Redactor) -> list[str]:
    """The public id of each item; one look at all of them together when none needs a change."""
    nodeids = [item.nodeid for item in items]
    everything = "\n".join(nodeids)
    if everything.isascii() and not redactor.suspects(everything):
        return nodeids
    return [public_id(nodeid, redactor) for nodeid in nodeids]


def numbered(ids: Sequence[str]) -> list[int]:
    """For each id how often it came before."""
    count: dict[str, int] = defaultdict(int)
    numbers = []
    for name in ids:
        numbers.append(count[name])
        count[name] += 1
    return numbers


def exactly(
    items: Sequence[Any], ids: Sequence[str], wanted: Sequence[Sequence[Any]]
) -> tuple[list[Any], list[int]]:
    """The items named by (id, which of the items with this id), in this order, with these numbers."""
    places: dict[str, list[Any]] = defaultdict(list)
    for item, name in zip(items, ids, strict=True):
        places[name].append(item)
    found = [(places[name][nth], nth) for name, nth in wanted if nth < len(places[name])]
    return [item for item, _ in found], [nth for _, nth in found]


def matching(items: Sequence[Any], ids: Sequence[str], wanted: Sequence[str]) -> list[Any]:
    """The items that each name covers (itself, parameters, members, files), in the order of `wanted`."""
    chosen: list[Any] = []
    taken: set[int] = set()
    exact: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(ids):
        exact[name].append(index)
    for name in wanted:
        found = exact.get(name) or [index for index, known in enumerate(ids) if covers(name, known)]
        fresh = [index for index in found if index not in taken]
        taken.update(fresh)
        chosen += [items[index] for index in fresh]
    return chosen


def covers(name: str, nodeid: str) -> bool:
    """Whether the selector `name` takes `nodeid` along."""
    stem = name.rstrip("/")
    if stem in ("", ".") or nodeid == stem:
        return True
    return nodeid.startswith((f"{stem}::", f"{stem}[", f"{stem}/"))

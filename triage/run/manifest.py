"""Chunks as a manifest names them, and the tests that a list of names covers. Pure.

A manifest is a JSON object {chunk name: [node id, file or folder, ...]}.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

from triage.errors import UsageError
from triage.run.grouping import Group, Item, with_rest


class Unassigned:
    """The tests that no chunk has yet; a list of names takes some of them."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self._left = dict.fromkeys(range(len(items)))
        """Indexes, in order and quick to delete from."""

    @property
    def indexes(self) -> list[int]:
        """The tests that are left, in their order."""
        return list(self._left)

    def take(self, selectors: Sequence[str], whose: str) -> list[int]:
        """The tests that the selectors name, in their order; they are no longer left.

        Raises UsageError, in the name of `whose` list it is, for a selector that nothing matches.
        """
        by_id: dict[str, list[int]] = {}
        for index in self._left:
            by_id.setdefault(self._items[index].nodeid, []).append(index)
        taken: list[int] = []
        for selector in selectors:
            exact = by_id.get(selector)
            candidates = exact if exact is not None else self._covered(selector)
            found = [index for index in candidates if index in self._left]
            if not found and exact is not None:
                raise UsageError(
                    "manifest-names-unknown",
                    f"{whose} names {selector!r} twice, and a run gives each test one outcome",
                    f"`triage probe {shlex.quote(selector)}` runs it twice in one process",
                )
            if not found:
                raise UsageError(
                    "manifest-names-unknown",
                    f"{whose} names {selector!r}, which no test (that is left) matches",
                    "correct it; `pytest --collect-only -q` lists the node ids",
                )
            taken += found
            for index in found:
                del self._left[index]
        return taken

    def _covered(self, selector: str) -> list[int]:
        """The tests that are left below a file, a folder or a class."""
        return [index for index in self._left if _covers(selector, self._items[index].nodeid)]


def chunks_of_manifest(items: Sequence[Item], text: str) -> list[Group]:
    """The named chunks, and one of all tests that no chunk names.

    Raises UsageError where the text is no manifest, or names what is not there.
    """
    unassigned = Unassigned(items)
    groups = []
    for name, selectors in _parsed(text).items():
        members = unassigned.take(selectors, f"the manifest's {name}")
        groups.append(Group(name, members))
    return with_rest(groups, unassigned.indexes)


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

"""What chunks are made of: collected tests, and groups of them that have a chunk's name. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_LEAST_DIGITS = 2
"""Of a chunk's number, so that a listing of folders is in order: chunk_03."""
REST = "chunk_rest"
"""The chunk of all tests that a manifest or an order does not name."""


@dataclass(frozen=True)
class Item:
    """A collected test: its public id and the file that it comes from."""

    nodeid: str
    file: str


@dataclass(frozen=True)
class Group:
    """The tests of one chunk, each named by its index among the collected ones, in their order."""

    name: str
    members: list[int]


def numbered(groups: Iterable[list[int]]) -> list[Group]:
    """Groups in this order as chunk_01, chunk_02 and so on."""
    listed = list(groups)
    digits = max(_LEAST_DIGITS, len(str(len(listed))))
    return [Group(f"chunk_{number:0{digits}d}", members) for number, members in enumerate(listed, 1)]


def with_rest(groups: list[Group], left: Iterable[int]) -> list[Group]:
    """The groups, and one more of all tests that are left, if there are any."""
    rest = list(left)
    return [*groups, Group(REST, rest)] if rest else groups

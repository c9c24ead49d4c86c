"""Events that stay in the journal's file until somebody goes through them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import overload

from triage.model.journal import ClusterOpened, Event, MembersAdded, SignatureAdded

GROWTH = (ClusterOpened, SignatureAdded, MembersAdded)
"""Kinds of events that a journal has most of, and that say nothing which clusters do not say in the end."""


def decisions_among(events: Iterable[Event]) -> tuple[Event, ...]:
    """The events that say more than what clusters add up to."""
    return tuple(event for event in events if not isinstance(event, GROWTH))


class StoredEvents(Sequence[Event]):
    """All events of a journal, of which the number and the last are known; others are read when asked for."""

    def __init__(
        self,
        count: int,
        last: Event,
        read_all: Callable[[], tuple[Event, ...]],
        read_naming: Callable[[frozenset[str]], tuple[Event, ...]],
    ) -> None:
        """`read_naming` gives all events that name one of some clusters, and maybe others, in their order."""
        self._count = count
        self._last = last
        self._read_all = read_all
        self._read_naming = read_naming
        self._naming: dict[frozenset[str], tuple[Event, ...]] = {}

    @cached_property
    def _all(self) -> tuple[Event, ...]:
        return self._read_all()

    def naming(self, clusters: Iterable[str]) -> tuple[Event, ...]:
        """All events that name one of these clusters, renamings of files, maybe others; in their order."""
        names = frozenset(clusters)
        if names not in self._naming:
            self._naming[names] = self._read_naming(names)
        return self._naming[names]

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Event, ...]: ...
    def __getitem__(self, index: int | slice) -> Event | tuple[Event, ...]:
        if index == -1:
            return self._last
        return self._all[index]

    def __iter__(self) -> Iterator[Event]:
        return iter(self._all)

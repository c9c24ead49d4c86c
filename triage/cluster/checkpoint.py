"""What the replay of a journal came to, as a value that can be kept: a later replay goes on from there.

Going on gives what reading everything would give, or nothing at all: a journal in which numbers clash, or
that has to be mended, is read whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from triage.cluster.registry import ClusterRegistry
from triage.cluster.replay import JournalReplay, Opening, under_new_numbers
from triage.cluster.stored_events import StoredEvents, decisions_among
from triage.model.base import Value
from triage.model.cluster import Cluster
from triage.model.journal import ClusterRenumbered, Event, FilesMoved, FlakySeen, ProposalMade
from triage.model.quarantine import Quarantine


class EventReader(Protocol):
    """Reads the journal that a checkpoint is of."""

    def read(self) -> tuple[Event, ...]:
        """All events."""

    def naming(self, clusters: frozenset[str]) -> tuple[Event, ...]:
        """All events whose line names one of these clusters, and maybe others."""


class Checkpoint(Value):
    """A replay of at least one event, in which nothing has to be mended."""

    count: int
    """Of the events, without renumberings."""
    last: Event
    """No event is later by `at` and `id`."""
    decisions: tuple[Event, ...]
    number_of: dict[str, str]
    clusters: tuple[Cluster, ...]
    home: dict[str, str]
    claims: dict[str, tuple[str, ...]]
    """Of the signatures that others than their home have claimed."""
    member_home: tuple[tuple[str, str, str], ...]
    """Signature, node id, cluster."""
    aliases: dict[str, str]
    openings: tuple[Opening, ...]
    proposals: tuple[ProposalMade, ...]
    dropped: tuple[tuple[str, ...], ...]
    rules: dict[str, str]
    flaky_tests: tuple[FlakySeen, ...]
    quarantine_of: dict[str, Quarantine]
    translated: tuple[str, ...]
    highest: int

    @classmethod
    def of(cls, replay: JournalReplay) -> Checkpoint | None:
        """Keep what a replay of all events came to; None where something has to be mended, or nothing is."""
        if not replay.events or replay.clashes or replay.doubles():
            return None
        return cls(
            count=len(replay.events),
            last=replay.events[-1],
            decisions=decisions_among(replay.events),
            number_of=replay.number_of,
            clusters=tuple(replay.finished().values()),
            home=replay.home,
            claims={
                signature: tuple(claimed)
                for signature, claimed in replay.claims.items()
                if claimed != [replay.home[signature]]
            },
            member_home=tuple((*key, home) for key, home in replay.member_home.items()),
            aliases=replay.aliases,
            openings=tuple(replay.openings.values()),
            proposals=tuple(replay.proposals),
            dropped=tuple(sorted(tuple(sorted(pair)) for pair in replay.dropped)),
            rules=replay.rules,
            flaky_tests=tuple(replay.flaky_tests),
            quarantine_of=replay.quarantine_of,
            translated=tuple(sorted(replay.translated)),
            highest=replay.highest,
        )

    def registry(self, later: Sequence[Event], journal: EventReader) -> ClusterRegistry | None:
        """The state after later events, too; None where only all events together tell it."""
        ordered = sorted(later, key=_moment)
        if ordered and _moment(ordered[0]) <= _moment(self.last):
            return None  # git has merged what another branch had appended
        if any(isinstance(event, ClusterRenumbered) for event in ordered):
            return None  # says something of events before it
        new = tuple(under_new_numbers(ordered, self.number_of))
        replay = self._replay()
        replay.read(new)
        if replay.clashes or replay.doubles():
            return None
        stored = StoredEvents(
            count=self.count + len(new),
            last=new[-1] if new else self.last,
            read_all=lambda: (*self._own(journal.read()), *new),
            read_naming=lambda names: (*self._naming(names, journal), *new),
        )
        registry = ClusterRegistry.from_replay(replay, stored, (*self.decisions, *decisions_among(new)))
        return replace(registry, go_on=lambda further: self.registry((*later, *further), journal))

    def _own(self, events: Iterable[Event]) -> Iterator[Event]:
        """Those of the journal's events that the checkpoint has read, under the numbers of today."""
        end = _moment(self.last)
        return under_new_numbers((event for event in events if _moment(event) <= end), self.number_of)

    def _naming(self, clusters: frozenset[str], journal: EventReader) -> list[Event]:
        """Those that name one of the clusters, and those that renamed files."""
        if self.number_of:  # lines have the numbers of then
            return list(self._own(journal.read()))
        moves = [event for event in self.decisions if isinstance(event, FilesMoved)]
        found = {event.id: event for event in (*moves, *self._own(journal.naming(clusters)))}
        return sorted(found.values(), key=_moment)

    def _replay(self) -> JournalReplay:
        """The replay as it was, without its events."""
        replay = JournalReplay(
            number_of=dict(self.number_of),
            settled={cluster.id: cluster for cluster in self.clusters},
            home=dict(self.home),
            member_home={(signature, nodeid): home for signature, nodeid, home in self.member_home},
            aliases=dict(self.aliases),
            openings={opening.cluster: opening for opening in self.openings},
            proposals=list(self.proposals),
            dropped={frozenset(pair) for pair in self.dropped},
            rules=dict(self.rules),
            flaky_tests=list(self.flaky_tests),
            quarantine_of=dict(self.quarantine_of),
            translated=set(self.translated),
            highest=self.highest,
        )
        for signature, cluster in self.home.items():
            replay.claims[signature] = list(self.claims.get(signature, (cluster,)))
        return replay


def _moment(event: Event) -> tuple[str, str]:
    return event.at, event.id

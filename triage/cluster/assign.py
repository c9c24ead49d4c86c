"""A run's failures to clusters: known ones keep their id, new ones get the next, decisions hold.

The result depends on the set of failures, not on their order or on the chunks that they came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from triage.cluster.book import Book
from triage.cluster.gather import Seen, Sign, Slot, failures_of, gather
from triage.cluster.mint import EventMint
from triage.cluster.part import Part, parts_of
from triage.cluster.place import Unit, units_of
from triage.cluster.state import absent_state, outcomes_of, present_state
from triage.model.cluster import Cluster, ClusterStatus, RunState, Why
from triage.model.journal import (
    ClusterOpened,
    Event,
    MembersAdded,
    SignatureAdded,
    StatusChanged,
)
from triage.model.outcome import Outcome
from triage.model.run import RunRecord


@dataclass(frozen=True)
class Assignment:
    """Where every failure of one run belongs."""

    clusters: tuple[Cluster, ...]
    """Every live cluster, by number, with its state in this run; members of those seen are this run's."""
    events: tuple[Event, ...]
    """What the journal must gain before anybody hears of these ids."""
    cluster_of: Mapping[Slot, str]
    """(node id, which of its failures) to cluster id."""
    signatures_of: Mapping[Slot, tuple[str, ...]]
    """(node id, which of its failures) to signature ids, the current algorithm's first."""

    def clusters_of(self, nodeid: str) -> tuple[str, ...]:
        """Ids of the clusters that a test's failures belong to, each once."""
        return tuple(dict.fromkeys(c for (owner, _), c in self.cluster_of.items() if owner == nodeid))


def assign(record: RunRecord, book: Book, *, sign: Sign, mint: EventMint) -> Assignment:
    """Cluster a recorded run; appends nothing itself."""
    return assign_failures(
        failures_of(record), book, sign=sign, mint=mint, stamp=record.stamp, outcomes=outcomes_of(record)
    )


def assign_failures(
    failures: Iterable[Seen],
    book: Book,
    *,
    sign: Sign,
    mint: EventMint,
    stamp: str,
    outcomes: Mapping[str, Outcome],
) -> Assignment:
    """Cluster a stream of failures; each is looked at once and not kept."""
    groups = gather(failures, sign)
    units = units_of(groups.values(), book)
    ids: dict[int, str] = {}
    events: list[Event] = []
    number = book.next_number
    if book.events:
        mint.follow(book.events[-1].at)
    for part in parts_of(units):
        if part.home is None:
            cluster_id = f"C{number}"
            number += 1
            events.append(_opened(part, cluster_id, stamp, mint))
        else:
            cluster_id = part.home
            events.extend(_seen_again(part, book.clusters[cluster_id], stamp, mint))
        ids.update({id(unit): cluster_id for unit in part.units})
    after = Book.of((*book.events, *events))
    members = _members(units, ids)
    clusters = tuple(
        _in_run(cluster, members.get(cluster.id), book, stamp=stamp, outcomes=outcomes)
        for cluster in after.live
    )
    return Assignment(
        clusters=clusters,
        events=tuple(events),
        cluster_of={slot: ids[id(unit)] for unit in units for slot in unit.slots},
        signatures_of={
            slot: (unit.group.signature.id, *sorted(unit.group.ids - {unit.group.signature.id}))
            for unit in units
            for slot in unit.slots
        },
    )


def _opened(part: Part, cluster_id: str, stamp: str, mint: EventMint) -> ClusterOpened:
    return mint.make(
        ClusterOpened,
        cluster=cluster_id,
        title=part.title,
        stamp=stamp,
        signatures=part.signature_ids,
        members=part.members,
        why=part.why,
    )


def _seen_again(part: Part, known: Cluster, stamp: str, mint: EventMint) -> list[Event]:
    events: list[Event] = []
    for unit in part.units:
        for signature in unit.news:
            why = [*unit.why]
            if unit.vouched_by is not None:
                why.append(Why(kind="signature", detail=unit.vouched_by))
            events.append(
                mint.make(SignatureAdded, cluster=known.id, signature=signature, stamp=stamp, why=tuple(why))
            )
    newcomers = tuple(sorted(set(part.members) - set(known.members)))
    if newcomers:
        events.append(mint.make(MembersAdded, cluster=known.id, members=newcomers, stamp=stamp))
    if known.status is ClusterStatus.RESOLVED:
        events.append(
            mint.make(
                StatusChanged,
                cluster=known.id,
                status=ClusterStatus.OPEN,
                reason=f"seen again in {stamp} after it was resolved",
                stamp=stamp,
            )
        )
    return events


def _members(units: Iterable[Unit], ids: Mapping[int, str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for unit in units:
        found.setdefault(ids[id(unit)], set()).update(nodeid for nodeid, _ in unit.slots)
    return {cluster_id: tuple(sorted(members)) for cluster_id, members in found.items()}


def _in_run(
    cluster: Cluster,
    members: tuple[str, ...] | None,
    before: Book,
    *,
    stamp: str,
    outcomes: Mapping[str, Outcome],
) -> Cluster:
    if members is None:
        return cluster.model_copy(update={"state_in_run": absent_state(cluster.members, outcomes)})
    known = before.clusters.get(cluster.id)
    state = RunState.NEW if known is None else present_state(known.status)
    return cluster.model_copy(
        update={
            "state_in_run": state,
            "members": members,
            "first_seen": min(cluster.first_seen or stamp, stamp),
            "last_seen": max(cluster.last_seen or stamp, stamp),
        }
    )

"""Mend what two branches did apart: one number for two clusters, two clusters for one signature.

What mends follows from the journal alone: every machine and every branch makes the same events. Who only
reads sees the journal as if they were in it; the next command that writes appends them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from triage.cluster.event_factory import EventFactory
from triage.cluster.registry import ClusterRegistry
from triage.model.cluster import Why
from triage.model.journal import ClusterRenumbered, ClustersMerged, Event

_BY = "triage"
"""Not the actor: his name would make two people's repairs two repairs."""
_MOST_ROUNDS = 50
"""A round mends everything that the one before it left or brought about; two or three are usual."""


def mended(events: Iterable[Event]) -> ClusterRegistry:
    """The state after all events and after those that mend them, which its `mending` lists."""
    all_events = list(events)
    mending: list[Event] = []
    for _ in range(_MOST_ROUNDS):
        registry = ClusterRegistry.of(all_events)
        found = reconcile(registry)
        if not found:
            break
        mending += found
        all_events += found
    return replace(registry, mending=tuple(mending))


def reconcile(registry: ClusterRegistry) -> list[Event]:
    """Events that mend clashes and doubles; none where there is nothing to mend."""
    events: list[Event] = []
    number = registry.next_number
    for clash in sorted(registry.clashes, key=lambda opening: (opening.at, opening.event)):
        maker = EventFactory(clash.at, _BY)
        events.append(
            maker.make(ClusterRenumbered, cluster=clash.cluster, new=f"C{number}", opening=clash.event)
        )
        number += 1
    opened_at = {event.id: event.at for event in registry.events}
    for younger, older in sorted(registry.doubles.items(), key=lambda pair: int(pair[0][1:])):
        latest = max(opened_at[registry.lineage[cluster_id]] for cluster_id in (younger, older))
        maker = EventFactory(latest, _BY, registry.lineage, after=latest)
        why = (Why(kind="signature", detail="two branches opened a cluster for the same failure"),)
        events.append(maker.make(ClustersMerged, cluster=younger, into=older, why=why))
    return events

"""Turn what people decide of quarantines into events; refuse what makes no sense before it is written."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from triage.cluster.decisions import short_line
from triage.cluster.event_factory import EventFactory
from triage.cluster.registry import ClusterRegistry
from triage.errors import UsageError
from triage.model.cluster import is_cluster_id
from triage.model.journal import Event, Quarantined, QuarantineLifted

_LONGEST_QUARANTINE = timedelta(days=365)
"""What nobody mends within a year is no emergency: xfail or delete the test."""


class _Subject(NamedTuple):
    """What is in quarantine: a cluster, or a test, file or folder; the other one is None."""

    cluster: str | None = None
    nodeid: str | None = None


def put_in_quarantine(
    registry: ClusterRegistry,
    factory: EventFactory,
    subject: str,
    *,
    until: date,
    owner: str,
    reason: str,
    today: date,
) -> list[Event]:
    """Vouch for a cluster (`C7`), or for a test, file or folder, through the day `until`."""
    if until < today:
        raise UsageError("bad-quarantine", f"{until} is over", "name today or a later day")
    if until - today > _LONGEST_QUARANTINE:
        raise UsageError("bad-quarantine", f"{until} is more than a year away", "name an earlier day")
    named = _subject(registry, subject)
    event = factory.make(
        Quarantined,
        cluster=named.cluster,
        nodeid=named.nodeid,
        until=until,
        owner=short_line(owner, "owner"),
        reason=short_line(reason, "reason"),
    )
    return [event]


def lift_quarantine(
    registry: ClusterRegistry, factory: EventFactory, subject: str, reason: str
) -> list[Event]:
    """End the quarantine of a cluster or a test."""
    named = _subject(registry, subject)
    known = [quarantine.subject for quarantine in registry.quarantines]
    if (named.cluster or named.nodeid) not in known:
        raise UsageError(
            "bad-quarantine",
            f"{subject} is not in quarantine",
            f"in quarantine: {', '.join(known) or 'nothing'}",
        )
    event = factory.make(
        QuarantineLifted,
        cluster=named.cluster,
        nodeid=named.nodeid,
        reason=short_line(reason, "reason"),
    )
    return [event]


def _subject(registry: ClusterRegistry, subject: str) -> _Subject:
    """`C7` is a cluster, which must be known; everything else is a node id."""
    if is_cluster_id(subject):
        return _Subject(cluster=registry.resolve(subject))
    if not subject.strip():
        raise UsageError("bad-quarantine", "the node id is empty", "name a cluster or a test")
    return _Subject(nodeid=subject)

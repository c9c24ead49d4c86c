"""Clusters that one commit broke are proposed to be one."""

from __future__ import annotations

import itertools

from triage.cluster.conclusions import conclusions
from triage.cluster.event_factory import EventFactory
from triage.cluster.registry import ClusterRegistry
from triage.model.cluster import ClusterStatus
from triage.model.journal import ClusterOpened, StatusChanged

BAD, OTHER = frozenset({"1" * 40}), frozenset({"2" * 40})
RANGE = BAD | OTHER


def opened(count: int) -> tuple[ClusterRegistry, EventFactory]:
    factory = ClusterRegistry.of(()).event_factory("2026-01-01T00:00:00Z", "me")
    events = []
    for number in range(1, count + 1):
        events.append(
            factory.make(
                ClusterOpened,
                cluster=f"C{number}",
                title="it fails",
                stamp="20260101T000000Z",
                signatures=(f"reason/1:{number:016x}",),
                members=(f"t.py::test_{number}",),
            )
        )
    return ClusterRegistry.of(events), factory


def proposed(registry, factory, first_bad):
    return [(made.with_cluster, made.cluster) for made in conclusions(registry, factory, (), first_bad)]


def test_clusters_with_one_first_bad_commit_are_proposed_to_be_one():
    registry, factory = opened(4)
    first_bad = {"t.py::test_1": BAD, "t.py::test_2": BAD, "t.py::test_3": OTHER, "t.py::test_4": BAD}
    events = conclusions(registry, factory, (), first_bad)
    assert [(made.with_cluster, made.cluster) for made in events] == [("C1", "C2"), ("C1", "C4")]
    assert events[0].why[0].confirm == "triage merge C1 C2"
    again = ClusterRegistry.of((*registry.events, *events))
    assert conclusions(again, again.event_factory("2026-01-02T00:00:00Z", "me"), (), first_bad) == []


def test_a_range_of_commits_or_a_resolved_cluster_proposes_nothing():
    registry, factory = opened(3)
    assert proposed(registry, factory, dict.fromkeys(("t.py::test_1", "t.py::test_2"), RANGE)) == []
    closed = factory.make(StatusChanged, cluster="C1", status=ClusterStatus.RESOLVED, reason="met")
    registry = ClusterRegistry.of((*registry.events, closed))
    tests = [f"t.py::test_{number}" for number in (1, 2, 3)]
    assert proposed(registry, factory, dict(zip(tests, itertools.repeat(BAD)))) == [("C2", "C3")]

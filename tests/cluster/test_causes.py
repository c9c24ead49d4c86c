"""What experiments decided is carried out on clusters: split, joined, and kept apart."""

from __future__ import annotations

import pytest

from triage.cluster.causes import DecidedCause, carried_out, cluster_of_cause
from triage.cluster.event_factory import EventFactory
from triage.cluster.registry import ClusterRegistry, as_decided
from triage.model.cluster import RunState, Why
from triage.model.journal import (
    ClusterOpened,
    ClustersMerged,
    ClusterSplit,
    Event,
    ProposalDropped,
    ProposalMade,
)

STAMP = "20261130T100000Z"


@pytest.fixture
def factory() -> EventFactory:
    return EventFactory("2026-11-30T10:00:00.000000Z", "triage run")


def opened(factory: EventFactory, cluster: str, *members: str) -> Event:
    return factory.make(
        ClusterOpened,
        cluster=cluster,
        title=f"title of {cluster}",
        stamp=STAMP,
        signatures=(f"reason/1:{cluster}",),
        members=members,
    )


def cause(place: str, *tests: str) -> DecidedCause:
    return DecidedCause(frozenset(tests), f"{place} broke it", title=f"broken by {place}")


def members_after(
    events: list[Event], causes: list[DecidedCause], factory: EventFactory
) -> dict[str, set[str]]:
    decisions = carried_out(ClusterRegistry.of(events), factory, causes)
    after = ClusterRegistry.of([*events, *decisions])
    assert carried_out(after, factory, causes) == [], "what is decided is not decided again"
    return {cluster.id: set(cluster.members) for cluster in after.live}


def test_clusters_of_one_cause_become_the_oldest_of_them(factory: EventFactory) -> None:
    events = [opened(factory, "C1", "a"), opened(factory, "C2", "b"), opened(factory, "C3", "c")]
    found = members_after(events, [cause("x.py:1-1", "a", "c"), cause("y.py:2-2", "b")], factory)
    assert found == {"C1": {"a", "c"}, "C2": {"b"}}


def test_a_cluster_of_two_causes_is_split_and_the_larger_part_keeps_the_id(factory: EventFactory) -> None:
    events = [opened(factory, "C1", "a", "b", "c")]
    found = members_after(events, [cause("x.py:1-1", "a"), cause("y.py:2-2", "b", "c")], factory)
    assert found == {"C1": {"b", "c"}, "C2": {"a"}}


def test_a_part_that_is_split_off_joins_the_cluster_of_its_cause(factory: EventFactory) -> None:
    events = [opened(factory, "C1", "a", "b", "c"), opened(factory, "C2", "d")]
    found = members_after(events, [cause("x.py:1-1", "a", "b"), cause("y.py:2-2", "c", "d")], factory)
    assert found == {"C1": {"a", "b"}, "C2": {"c", "d"}}


def test_tests_without_a_cause_stay_where_they_are(factory: EventFactory) -> None:
    events = [opened(factory, "C1", "a", "b", "unknown"), opened(factory, "C2", "stranger")]
    found = members_after(events, [cause("x.py:1-1", "a"), cause("y.py:2-2", "b")], factory)
    assert found == {"C1": {"a", "unknown"}, "C2": {"stranger"}, "C3": {"b"}}


def test_what_somebody_keeps_apart_stays_apart(factory: EventFactory) -> None:
    events = [opened(factory, "C1", "a"), opened(factory, "C2", "b")]
    events.append(factory.make(ProposalDropped, cluster="C1", with_cluster="C2", reason="two teams"))
    assert members_after(events, [cause("x.py:1-1", "a", "b")], factory) == {"C1": {"a"}, "C2": {"b"}}


def test_what_somebody_merged_stays_together(factory: EventFactory) -> None:
    events = [opened(factory, "C1", "a"), opened(factory, "C2", "b")]
    why = (Why(kind="person", detail="decided by a person"),)
    events.append(factory.make(ClustersMerged, cluster="C2", into="C1", why=why))
    found = members_after(events, [cause("x.py:1-1", "a"), cause("y.py:2-2", "b")], factory)
    assert found == {"C1": {"a", "b"}}


def test_what_an_experiment_split_a_later_one_may_join(factory: EventFactory) -> None:
    events = [opened(factory, "C1", "a", "b")]
    apart = [cause("x.py:1-1", "a"), cause("y.py:2-2", "b")]
    events += carried_out(ClusterRegistry.of(events), factory, apart)
    assert members_after(events, [cause("z.py:3-3", "a", "b")], factory) == {"C1": {"a", "b"}}


def test_proposals_to_merge_different_causes_are_answered(factory: EventFactory) -> None:
    events = [opened(factory, "C1", "a"), opened(factory, "C2", "b")]
    why = (Why(kind="message", detail="same words", proposal=True),)
    events.append(factory.make(ProposalMade, cluster="C2", kind="merge", with_cluster="C1", why=why))
    registry = ClusterRegistry.of(events)
    decisions = carried_out(registry, factory, [cause("x.py:1-1", "a"), cause("y.py:2-2", "b")])
    assert [type(event) for event in decisions] == [ProposalDropped]
    assert ClusterRegistry.of([*events, *decisions]).proposals == ()


def test_the_evidence_is_in_the_decision(factory: EventFactory) -> None:
    events = [opened(factory, "C1", "a", "b")]
    split, *_ = carried_out(
        ClusterRegistry.of(events), factory, [cause("x.py:1-1", "a"), cause("y.py:2-2", "b")]
    )
    assert isinstance(split, ClusterSplit)
    assert split.why == (Why(kind="experiment", detail="y.py:2-2 broke it"),)
    assert split.title == "broken by y.py:2-2"


def test_a_run_from_before_a_split_shows_each_part_with_its_own_tests(factory: EventFactory) -> None:
    events = [opened(factory, "C1", "a", "b")]
    in_run = ClusterRegistry.of(events).clusters["C1"].model_copy(update={"state_in_run": RunState.NEW})
    events += carried_out(
        ClusterRegistry.of(events), factory, [cause("x.py:1-1", "a"), cause("y.py:2-2", "b")]
    )
    shown = as_decided(ClusterRegistry.of(events), [in_run])
    assert {cluster.id: cluster.members for cluster in shown} == {"C1": ("a",), "C2": ("b",)}
    assert {cluster.state_in_run for cluster in shown} == {RunState.NEW}


def test_the_cluster_of_a_cause_is_the_one_with_most_of_its_tests(factory: EventFactory) -> None:
    registry = ClusterRegistry.of([opened(factory, "C1", "a"), opened(factory, "C2", "b", "c")])
    found = cluster_of_cause(registry.live, cause("x.py:1-1", "a", "b", "c"))
    assert found is not None
    assert found.id == "C2"

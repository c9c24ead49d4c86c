"""A checkpoint and what came later is what reading all of the journal gives, whatever is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from triage.cluster.checkpoint import Checkpoint
from triage.cluster.event_factory import EventFactory
from triage.cluster.mending import mended
from triage.cluster.registry import ClusterRegistry, ids_named
from triage.cluster.replay import JournalReplay
from triage.model.cluster import ClusterStatus, Why
from triage.model.journal import (
    AttemptRecorded,
    ClusterOpened,
    ClusterRenumbered,
    ClustersMerged,
    ClusterSplit,
    Event,
    FilesMoved,
    FlakySeen,
    MembersAdded,
    NumberingStarted,
    OwnerSet,
    ProposalDropped,
    ProposalMade,
    Quarantined,
    QuarantineLifted,
    Relocation,
    Renamed,
    RuleBound,
    RunRecorded,
    SignatureAdded,
    StatusChanged,
)

STAMPS = tuple(f"20260101T00000{number}Z" for number in range(4))
CLUSTERS = st.sampled_from(["C1", "C2", "C3", "C4", "C11"])
TESTS = st.sampled_from([f"t{number}.py::t" for number in range(5)])
SOME_TESTS = st.lists(TESTS, max_size=3, unique=True).map(tuple)
SIGNATURES = st.sampled_from([f"reason/{1 + number % 2}:{number:016x}" for number in range(6)])
WHY = st.lists(
    st.builds(
        Why, kind=st.sampled_from(["file", "frame", "signature"]), detail=st.sampled_from(["t0.py", "x"])
    ),
    max_size=1,
).map(tuple)
STAMP = st.sampled_from(STAMPS)
MOVES = (Relocation(old="t0.py", new="t1.py", how="git"), Relocation(old="t2.py", new="n.py", how="git"))
WORDS = st.sampled_from(["ada", "grace", "é\x1b"])
FIELDS: dict[type[Any], dict[str, st.SearchStrategy[Any]]] = {
    NumberingStarted: {"next": st.integers(1, 9)},
    ClusterOpened: {
        "cluster": CLUSTERS, "title": WORDS, "stamp": STAMP, "members": SOME_TESTS, "why": WHY,
        "signatures": st.lists(SIGNATURES, max_size=2, unique=True).map(tuple), "latent": st.booleans(),
    },
    SignatureAdded: {
        "cluster": CLUSTERS, "signature": SIGNATURES, "stamp": STAMP, "why": WHY,
        "moved_from": st.none() | SIGNATURES,
    },
    MembersAdded: {"cluster": CLUSTERS, "members": SOME_TESTS, "stamp": STAMP},
    FilesMoved: {
        "stamp": STAMP,
        "moves": st.just(MOVES),
    },
    ClustersMerged: {"cluster": CLUSTERS, "into": CLUSTERS, "why": WHY},
    ClusterSplit: {
        "cluster": CLUSTERS, "new": CLUSTERS, "title": WORDS, "members": SOME_TESTS,
        "signatures": st.lists(SIGNATURES, max_size=1).map(tuple),
    },
    StatusChanged: {"cluster": CLUSTERS, "status": st.sampled_from(ClusterStatus), "reason": WORDS},
    AttemptRecorded: {
        "cluster": CLUSTERS, "phase": st.just("b"), "campaign": WORDS, "stamp": STAMP, "summary": WORDS,
    },
    OwnerSet: {"cluster": CLUSTERS, "owner": WORDS},
    Renamed: {"cluster": CLUSTERS, "title": WORDS},
    RuleBound: {"rule": WORDS, "cluster": CLUSTERS},
    RunRecorded: {"campaign": WORDS, "stamp": STAMP, "fixed": st.lists(CLUSTERS, max_size=1).map(tuple)},
    ProposalMade: {
        "cluster": CLUSTERS, "kind": st.just("merge"), "with_cluster": CLUSTERS, "members": SOME_TESTS,
    },
    ProposalDropped: {"cluster": CLUSTERS, "with_cluster": CLUSTERS, "reason": WORDS},
    FlakySeen: {
        "cluster": CLUSTERS, "nodeid": TESTS, "stamp": STAMP, "runs": st.just(4), "failed": st.just(2),
    },
    Quarantined: {
        "cluster": st.none() | CLUSTERS, "nodeid": TESTS, "until": st.just(date(2027, 1, 1)), "owner": WORDS,
        "reason": WORDS,
    },
    QuarantineLifted: {"cluster": st.none() | CLUSTERS, "nodeid": TESTS, "reason": WORDS},
}  # fmt: skip


@dataclass(frozen=True)
class Lines:
    """A journal in memory."""

    events: tuple[Event, ...]

    def read(self) -> tuple[Event, ...]:
        return self.events

    def naming(self, clusters: frozenset[str]) -> tuple[Event, ...]:
        return tuple(event for event in self.events if ids_named(event) & clusters)


@st.composite
def journals(draw: st.DrawFn) -> list[Event]:
    """Events of every kind in the order of their times, sense or nonsense."""
    factory = EventFactory("2026-01-01T00:00:00Z", "somebody")
    events: list[Any] = []
    for kind in draw(st.lists(st.sampled_from([ClusterOpened, *FIELDS]), min_size=1, max_size=14)):
        said = {name: draw(values) for name, values in FIELDS[kind].items()}
        openings = [event.id for event in events if isinstance(event, ClusterOpened)]
        if openings and "opening" in kind.model_fields and draw(st.booleans()):
            said["opening"] = draw(st.sampled_from(openings))
        events.append(factory.make(kind, **said))
        if openings and draw(st.integers(0, 19)) == 0:
            number = f"C{20 + len(events)}"
            events.append(
                factory.make(
                    ClusterRenumbered, cluster="C1", new=number, opening=draw(st.sampled_from(openings))
                )
            )
    return events


def checkpoint_of(events: Sequence[Event]) -> Checkpoint | None:
    """What is kept, as it is when it is read again."""
    kept = Checkpoint.of(JournalReplay.over(events))
    return None if kept is None else Checkpoint.model_validate_json(kept.model_dump_json())


def assert_same(found: ClusterRegistry, whole: ClusterRegistry) -> None:
    for each in fields(ClusterRegistry):
        if each.name not in ("events", "go_on"):
            assert getattr(found, each.name) == getattr(whole, each.name), each.name
    assert list(found.clusters) == list(whole.clusters)
    assert len(found.events) == len(whole.events)
    assert list(found.events[-1:]) == list(whole.events[-1:])
    assert found.fixed == whole.fixed
    for cluster in whole.clusters:
        assert found.events_of(cluster) == whole.events_of(cluster)
    assert list(found.events) == list(whole.events)


@given(journals(), st.data())
@settings(deadline=None)
def test_a_checkpoint_and_later_events_are_the_whole_journal(
    events: list[Event], data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, len(events)))
    second = data.draw(st.integers(first, len(events)))
    journal = Lines(tuple(events))
    kept = checkpoint_of(events[:first])
    found = kept.registry(data.draw(st.permutations(events[first:second])), journal) if kept else None
    if found is None:  # something has to be mended: the whole journal is read
        return
    assert_same(found, mended(events[:second]))
    assert_same(found.followed_by(events[second:]), ClusterRegistry.of(events))


def test_usual_events_need_no_second_reading() -> None:
    factory = EventFactory("2026-01-01T00:00:00Z", "somebody")
    opened = [
        factory.make(
            ClusterOpened,
            cluster=f"C{number}",
            title="t",
            stamp=STAMPS[0],
            signatures=(f"reason/1:{number:016x}",),
            members=(f"t{number}.py::t", f"t{number}.py::u"),
        )
        for number in (1, 2, 3)
    ]
    later = [
        factory.make(MembersAdded, cluster="C2", members=("t9.py::t",), stamp=STAMPS[1]),
        factory.make(ClustersMerged, cluster="C3", into="C2"),
        factory.make(ClusterSplit, cluster="C1", new="C4", title="n", members=("t1.py::u",)),
        factory.make(OwnerSet, cluster="C3", owner="ada"),
    ]
    kept = checkpoint_of(opened)
    assert kept is not None
    found = kept.registry(later, Lines((*opened, *later)))
    assert found is not None
    assert_same(found, mended([*opened, *later]))
    assert found.clusters["C2"].owner == "ada"


def test_what_says_something_of_earlier_events_is_not_replayed_on_top() -> None:
    factory = EventFactory("2026-01-01T00:00:00Z", "somebody")
    early = factory.make(OwnerSet, cluster="C1", owner="early")
    first, other = ("reason/1:" + digit * 16 for digit in "01")
    opening = partial(factory.make, ClusterOpened, stamp=STAMPS[0], members=())
    opened = opening(cluster="C1", title="t", signatures=(first,))
    kept = checkpoint_of([opened])
    assert kept is not None
    journal = Lines((opened,))
    renumbered = factory.make(ClusterRenumbered, cluster="C1", new="C7", opening=opened.id)
    assert kept.registry([early], journal) is None
    assert kept.registry([opened], journal) is None
    assert kept.registry([renumbered], journal) is None
    clash = opening(cluster="C1", title="u", signatures=(other,))
    assert kept.registry([clash], journal) is None
    double = opening(cluster="C2", title="u", signatures=(first,))
    assert kept.registry([double], journal) is None

"""What people decide is checked before it is written, and holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from triage.cluster.assign import assign
from triage.cluster.decisions import keep_apart, merge, own, rename, split
from triage.cluster.registry import ClusterRegistry
from triage.errors import UsageError
from triage.model.run import RunRecord, TestResult
from triage.signature.api import signatures_of

Failing = Callable[..., TestResult]
Run = Callable[..., RunRecord]
AT = "2026-11-25T06:00:00Z"


@pytest.fixture
def record(failing: Failing, run: Run) -> RunRecord:
    return run(
        failing("a.py::a", "OSError: disk is full here", "s.py:f"),
        failing("b.py::b", "OSError: disk is full here", "s.py:f"),
        failing("c.py::c", "ValueError: bad"),
        failing("d.py::d", "KeyError: 'k'"),
    )


@pytest.fixture
def registry(record: RunRecord) -> ClusterRegistry:
    before = ClusterRegistry.of(())
    return ClusterRegistry.of(
        assign(record, before, signer=signatures_of, factory=before.event_factory(AT, "triage run")).events
    )


def after(registry: ClusterRegistry, events: list) -> ClusterRegistry:  # type: ignore[type-arg]
    return ClusterRegistry.of((*registry.events, *events))


def test_a_merge_of_three_leaves_two_aliases(registry: ClusterRegistry) -> None:
    merged = after(
        registry, merge(registry, registry.event_factory(AT, "ada"), ["C2", "C1", "C3"], "one disk")
    )
    assert [cluster.id for cluster in merged.live] == ["C2"]
    assert merged.cluster("C3").aliases == ("C1", "C3")
    assert "one disk" in [why.detail for why in merged.cluster("C1").why]
    assert merged.next_number == 4, "merged ids are never given again"


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (["C1"], "at least two"),
        (["C1", "C1"], "part of C1 already"),
        (["C1", "C2", "C2"], "part of C1 already"),
        (["C1", "C9"], "there is no cluster C9"),
        (["C1", "nine"], "there is no cluster nine"),
    ],
)
def test_a_merge_that_makes_no_sense_is_refused(registry: ClusterRegistry, ids: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        merge(registry, registry.event_factory(AT, "ada"), ids)


def test_a_cyclic_merge_is_refused(registry: ClusterRegistry) -> None:
    merged = after(registry, merge(registry, registry.event_factory(AT, "ada"), ["C1", "C2"]))
    for ids in (["C2", "C1"], ["C1", "C2"]):
        with pytest.raises(UsageError, match="already"):
            merge(merged, merged.event_factory(AT, "bob"), ids)


def test_a_split_takes_a_signature_along_only_where_nobody_else_has_it(
    registry: ClusterRegistry, record: RunRecord
) -> None:
    merged = after(registry, merge(registry, registry.event_factory(AT, "ada"), ["C1", "C2"]))
    seen = {
        r.nodeid: {s.id for f in r.failures for s in signatures_of(f)} for r in record.results
    }  # fmt: skip
    parted = after(
        merged,
        split(merged, merged.event_factory(AT, "ada"), "C1", ["c.py::c", "b.py::b"], signatures_of=seen),
    )
    assert parted.cluster("C4").members == ("b.py::b", "c.py::c")
    assert parted.cluster("C1").members == ("a.py::a",)
    assert seen["c.py::c"] <= set(parted.cluster("C4").signatures)
    assert not seen["b.py::b"] & set(parted.cluster("C4").signatures), "a.py::a has it too"
    again = assign(record, parted, signer=signatures_of, factory=parted.event_factory(AT, "x")).cluster_of
    assert again[("b.py::b", 0)] == again[("c.py::c", 0)] == "C4"
    assert again[("a.py::a", 0)] == "C1"


@pytest.mark.parametrize(
    ("nodeids", "says"),
    [([], "no test is named"), (["a.py::a", "b.py::b"], "keep none"), (["c.py::c"], "no member of C1")],
)
def test_a_split_that_makes_no_sense_is_refused(
    registry: ClusterRegistry, nodeids: list[str], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        split(registry, registry.event_factory(AT, "ada"), "C1", nodeids, signatures_of={})


def test_owner_and_title_are_one_line(registry: ClusterRegistry) -> None:
    named = after(
        registry,
        [
            *own(registry, registry.event_factory(AT, "a"), "C1", " ada\n"),
            *rename(registry, registry.event_factory(AT, "a"), "C1", "x  y"),
        ],
    )
    assert (named.cluster("C1").owner, named.cluster("C1").title) == ("ada", "x y")
    for bad in ("", " \n", "x" * 201):
        with pytest.raises(UsageError, match="empty or longer"):
            rename(registry, registry.event_factory(AT, "a"), "C1", bad)


def test_clusters_kept_apart_are_not_proposed_again(failing: Failing, run: Run) -> None:
    record = run(
        failing("a.py::a", "SystemExit: 1", "cli.py:main", code="main()"),
        failing("b.py::b", "AssertionError: off\nassert 5.25 == 5.0", code="assert f(x) == 5.0"),
        failing("c.py::c", "AssertionError: assert 7.25 == 7.0", code="assert g(x) == 7.0"),
    )
    before = ClusterRegistry.of(())
    first = assign(record, before, signer=signatures_of, factory=before.event_factory(AT, "x"))
    registry = ClusterRegistry.of(first.events)
    assert [(p.cluster, p.with_cluster) for p in registry.proposals] == [("C3", "C2")]
    apart = after(registry, keep_apart(registry, registry.event_factory(AT, "ada"), "C2", "C3", "two causes"))
    assert apart.proposals == ()
    assert assign(record, apart, signer=signatures_of, factory=apart.event_factory(AT, "x")).events == ()
    assert (
        assign(record, registry, signer=signatures_of, factory=registry.event_factory(AT, "x")).events == ()
    ), "proposed once"


def test_a_proposal_and_a_refusal_hold_under_the_ids_of_today(failing: Failing, run: Run) -> None:
    """Both name C2, which is part of C1 by now: nothing is proposed again, run after run."""
    record = run(
        failing("a.py::a", "SystemExit: 1", "cli.py:main", code="main()"),
        failing("b.py::b", "AssertionError: off\nassert 5.25 == 5.0", code="assert f(x) == 5.0"),
        failing("c.py::c", "AssertionError: assert 7.25 == 7.0", code="assert g(x) == 7.0"),
    )
    before = ClusterRegistry.of(())
    registry = ClusterRegistry.of(
        assign(record, before, signer=signatures_of, factory=before.event_factory(AT, "x")).events
    )
    assert [(p.cluster, p.with_cluster) for p in registry.proposals] == [("C3", "C2")]
    merged = after(registry, merge(registry, registry.event_factory(AT, "ada"), ["C1", "C2"]))
    assert assign(record, merged, signer=signatures_of, factory=merged.event_factory(AT, "x")).events == ()
    apart = after(registry, keep_apart(registry, registry.event_factory(AT, "ada"), "C2", "C3", "two causes"))
    later = after(apart, merge(apart, apart.event_factory(AT, "ada"), ["C1", "C2"]))
    assert later.proposals == ()
    assert assign(record, later, signer=signatures_of, factory=later.event_factory(AT, "x")).events == ()

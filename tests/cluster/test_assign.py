"""Ids: allotted once, kept while the reason is the same, never by order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.cluster.assign import Assignment, assign
from triage.cluster.event_factory import EventFactory
from triage.cluster.registry import ClusterRegistry
from triage.errors import UsageError
from triage.model.cluster import ClusterStatus, RunState
from triage.model.failure import Failure, Raised
from triage.model.journal import ClustersMerged, ClusterSplit, NumberingStarted, StatusChanged
from triage.model.outcome import Outcome, Phase
from triage.model.run import RunRecord, TestResult
from triage.signature.api import signatures_of

AT = "2026-11-24T06:00:00.000000Z"
LATER = "2026-11-25T06:00:00.000000Z"
Failing = Callable[..., TestResult]
Run = Callable[..., RunRecord]


def factory(registry: ClusterRegistry, at: str = LATER) -> EventFactory:
    return registry.event_factory(at, "triage run")


def clustered(
    record: RunRecord, registry: ClusterRegistry | None = None, at: str = AT
) -> tuple[Assignment, ClusterRegistry]:
    before = registry or ClusterRegistry.of(())
    result = assign(record, before, signer=signatures_of, factory=before.event_factory(at, "triage run"))
    return result, ClusterRegistry.of((*before.events, *result.events))


def state(assignment: Assignment, cluster_id: str) -> RunState | None:
    return next(c.state_in_run for c in assignment.clusters if c.id == cluster_id)


def test_one_id_for_one_reason_in_order_of_the_first_member(failing: Failing, run: Run) -> None:
    result, registry = clustered(
        run(failing("b.py::z", "KeyError: 'x'", "src/m.py:f"), failing("a.py::a", "OSError: disk is full"),
            failing("c.py::c", "KeyError: 'x'", "src/m.py:f"))
    )  # fmt: skip
    assert result.cluster_of == {("a.py::a", 0): "C1", ("b.py::z", 0): "C2", ("c.py::c", 0): "C2"}
    assert registry.next_number == 3


def test_numbering_goes_on_after_a_hand_made_tracker(failing: Failing, run: Run) -> None:
    start = EventFactory(AT, "ada").make(NumberingStarted, next=19)
    result, _ = clustered(run(failing("a.py::a", "OSError: x")), ClusterRegistry.of([start]))
    assert [cluster.id for cluster in result.clusters] == ["C19"]


def test_a_known_reason_keeps_its_id_and_says_nothing_new(failing: Failing, run: Run) -> None:
    _, registry = clustered(run(failing("a.py::a", "OSError: x"), failing("b.py::b", "ValueError: y")))
    again, _ = clustered(run(failing("b.py::b", "ValueError: y"), stamp="20261125T060000Z"), registry, LATER)
    assert again.cluster_of == {("b.py::b", 0): "C2"}
    assert again.events == ()
    assert state(again, "C2") is RunState.KNOWN


def test_the_same_test_for_another_reason_is_another_cluster(failing: Failing, run: Run) -> None:
    _, registry = clustered(
        run(failing("a.py::a", "RuntimeError: expected scalar type float32 but got float64"))
    )
    again, _ = clustered(
        run(failing("a.py::a", "RuntimeError: expected scalar type float64 but got float32")), registry, LATER
    )
    assert again.cluster_of == {("a.py::a", 0): "C2"}
    assert state(again, "C1") is RunState.NOT_RUN, "its test failed for another reason, which may hide it"


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome.PASSED, RunState.FIXED),
        (Outcome.XPASSED, RunState.FIXED),
        (Outcome.SKIPPED, RunState.SKIPPED),
        (Outcome.XFAILED, RunState.SKIPPED),
        (Outcome.NOT_RUN, RunState.NOT_RUN),
        (None, RunState.NOT_COLLECTED),
    ],
)
def test_gone_has_many_reasons(
    failing: Failing, run: Run, outcome: Outcome | None, expected: RunState
) -> None:
    _, registry = clustered(run(failing("a.py::a", "OSError: x"), failing("b.py::b", "OSError: x", "s.py:f")))
    others = [TestResult(nodeid="b.py::b", outcome=Outcome.PASSED)]
    if outcome is not None:
        others.append(TestResult(nodeid="a.py::a", outcome=outcome))
    again, _ = clustered(run(*others), registry, LATER)
    assert state(again, "C1") is expected
    assert state(again, "C2") is RunState.FIXED


def test_resolved_and_back_is_regressed_and_open_again(failing: Failing, run: Run) -> None:
    record = run(failing("a.py::a", "OSError: x"))
    _, registry = clustered(record)
    event = factory(registry, AT).make(
        StatusChanged, cluster="C1", status=ClusterStatus.RESOLVED, reason="met"
    )
    again, after = clustered(record, ClusterRegistry.of((*registry.events, event)), LATER)
    assert state(again, "C1") is RunState.REGRESSED
    assert after.cluster("C1").status is ClusterStatus.OPEN


def test_a_merge_holds_in_every_later_run_and_leaves_an_alias(failing: Failing, run: Run) -> None:
    record = run(failing("a.py::a", "OSError: x"), failing("b.py::b", "ValueError: y"))
    _, registry = clustered(record)
    registry = ClusterRegistry.of(
        (*registry.events, factory(registry).make(ClustersMerged, cluster="C1", into="C2"))
    )
    again, after = clustered(record, registry, "2026-11-26T06:00:00Z")
    assert set(again.cluster_of.values()) == {"C2"}
    assert after.cluster("C1").id == "C2"
    assert after.cluster("C2").aliases == ("C1",)
    assert after.next_number == 3


def test_cyclic_merges_in_a_journal_end_and_lose_nobody(failing: Failing, run: Run) -> None:
    record = run(failing("a.py::a", "OSError: x"), failing("b.py::b", "ValueError: y"))
    _, registry = clustered(record)
    maker = factory(registry)
    one = maker.make(ClustersMerged, cluster="C1", into="C2")
    other = maker.make(ClustersMerged, cluster="C2", into="C1")
    cyclic = ClusterRegistry.of((*registry.events, one, other))
    assert [cluster.id for cluster in cyclic.live] == ["C2"]
    assert cyclic.cluster("C1").members == ("a.py::a", "b.py::b")


def test_a_split_holds_for_tests_that_share_a_signature(failing: Failing, run: Run) -> None:
    record = run(failing("a.py::a", "OSError: x", "s.py:f"), failing("b.py::b", "OSError: x", "s.py:f"))
    _, registry = clustered(record)
    split = factory(registry).make(ClusterSplit, cluster="C1", new="C2", title="b", members=("b.py::b",))
    registry = ClusterRegistry.of((*registry.events, split))
    more = (*record.results, failing("c.py::c", "OSError: x", "s.py:f"))
    again, _ = clustered(run(*more), registry, "2026-11-26T06:00:00Z")
    assert again.cluster_of == {("a.py::a", 0): "C1", ("b.py::b", 0): "C2", ("c.py::c", 0): "C1"}


def test_an_unknown_id_is_one_line_with_a_next_step() -> None:
    with pytest.raises(UsageError, match="there is no cluster C9") as error:
        ClusterRegistry.of(()).cluster("C9")
    assert error.value.slug == "unknown-cluster"


def test_a_crash_without_a_failure_is_clustered_by_its_end(run: Run) -> None:
    crashed = TestResult(nodeid="a.py::a", outcome=Outcome.CRASHED, signal="SIGSEGV")
    other = TestResult(nodeid="a.py::b", outcome=Outcome.TIMEOUT)
    result, _ = clustered(run(crashed, other))
    assert result.cluster_of == {("a.py::a", 0): "C1", ("a.py::b", 0): "C2"}


REASONS = st.sampled_from(
    ["OSError: no space", "ValueError: 3 is bad", "ValueError: 4 is bad", "KeyError: 'a'", "KeyError: 'b'"]
)


@settings(max_examples=60, deadline=None)
@given(
    failures=st.lists(st.tuples(st.integers(0, 30), REASONS), min_size=1, max_size=25),
    order=st.randoms(use_true_random=False),
)
def test_order_and_chunks_change_nothing(failures: list[tuple[int, str]], order: object) -> None:
    results = [_result(f"tests/test_{n % 4}.py::t{i}", text) for i, (n, text) in enumerate(failures)]
    shuffled = list(results)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    rechunked = [result.model_copy(update={"chunk": f"chunk_{n}"}) for n, result in enumerate(shuffled)]
    one, other = (
        clustered(RunRecord(stamp="S", campaign="x", root="/", complete=True, results=tuple(given_results)))[
            0
        ]
        for given_results in (results, rechunked)
    )
    assert one.cluster_of == other.cluster_of
    assert one.clusters == other.clusters
    assert one.events == other.events


def _result(nodeid: str, text: str) -> TestResult:
    kind, _, message = text.partition(": ")
    failure = Failure(nodeid=nodeid, phase=Phase.CALL, chain=(Raised(type=kind, message=message),))
    return TestResult(nodeid=nodeid, outcome=Outcome.FAILED, failures=(failure,))


def test_what_another_branch_adds_to_a_merged_cluster_reaches_the_whole(failing: Failing, run: Run) -> None:
    """Its lines are younger than the merge, and name the cluster as that branch knew it."""
    _, registry = clustered(
        run(failing("a.py::a", "OSError: x", "s.py:f"), failing("b.py::b", "ValueError: y"))
    )
    merged = factory(registry, AT).make(ClustersMerged, cluster="C1", into="C2")
    elsewhere, _ = clustered(
        run(failing("z.py::z", "OSError: x", "s.py:f"), failing("a.py::a", "OSError: x", "s.py:f")),
        registry,
        LATER,
    )
    whole = ClusterRegistry.of((*registry.events, merged, *elsewhere.events))
    assert "z.py::z" in whole.cluster("C1").members
    assert set(whole.cluster("C2").signatures) == set(whole.home)

"""Branches that allotted ids apart, merged in any order with the doctor at any moment: always mended."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from triage.cluster.assign import assign
from triage.cluster.decisions import keep_apart, merge, own, split
from triage.cluster.mending import reconcile
from triage.cluster.registry import ClusterRegistry
from triage.model.cluster import ClusterStatus
from triage.model.failure import Failure, Frame, Raised
from triage.model.journal import Event, StatusChanged
from triage.model.outcome import Outcome, Phase
from triage.model.run import RunRecord, TestResult
from triage.signature.api import signatures_of

Journal = tuple[Event, ...]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["run", "run", "run", "merge", "split", "own", "resolve", "apart"]),
        st.integers(0, 8),
        st.integers(0, 8),
    ),
    min_size=1,
    max_size=5,
)


def failed(number: int) -> TestResult:
    """A failure with a signature of its own; tests 6 and 7 share the one of test 0."""
    place = f"m{number % 6}.py"
    frames = (Frame(path=place, lineno=1, function="go", code="go()", origin="product"),)
    raised = Raised(type="OSError", message="no", frames=frames)
    failure = Failure(nodeid=f"t{number}.py::t", phase=Phase.CALL, chain=(raised,))
    return TestResult(nodeid=failure.nodeid, outcome=Outcome.FAILED, failures=(failure,))


def signature(number: int) -> str:
    return signatures_of(failed(number).failures[0])[0].id


def stepped(events: Journal, step: tuple[str, int, int], at: str, who: str) -> Journal:
    what, one, other = step
    registry = ClusterRegistry.of(events)
    factory = registry.event_factory(at, who)
    ids = sorted(registry.clusters)
    made: list[Any] = []
    if what == "run":
        results = tuple(failed(number) for number in {one, other})
        record = RunRecord(stamp=at, campaign="c", root="/", complete=True, results=results)
        made = list(assign(record, registry, signer=signatures_of, factory=factory).events)
    elif ids:
        first, second = ids[one % len(ids)], ids[other % len(ids)]
        home = registry.cluster(first)
        if what == "own":
            made = own(registry, factory, first, who)
        elif what == "resolve":
            made = [factory.make(StatusChanged, cluster=home.id, status=ClusterStatus.RESOLVED, reason="met")]
        elif what == "split" and len(home.members) > 1:
            made = split(registry, factory, first, home.members[:1], signatures_of={})
        elif what in ("merge", "apart") and home.id != registry.resolve(second):
            decide = merge(registry, factory, [first, second]) if what == "merge" else keep_apart(
                registry, factory, first, second, "no"
            )  # fmt: skip
            made = decide
    return (*events, *made)


def mended(events: Journal) -> Journal:
    """What `triage doctor --mend` leaves, called until it has nothing to say."""
    for _ in range(8):
        lines = reconcile(ClusterRegistry.of(events))
        if not lines:
            return events
        events = (*events, *lines)
    raise AssertionError("the doctor never comes to an end")


def check(events: Journal) -> ClusterRegistry:
    registry = ClusterRegistry.of(events)
    assert not registry.clashes
    assert not registry.doubles
    assert len(set(registry.lineage.values())) == len(registry.clusters) == len(registry.lineage), (
        "one id, one opening"
    )
    live = {cluster.id for cluster in registry.live}
    assert set(registry.home.values()) <= live
    assert set(registry.member_home.values()) <= live
    for name in registry.clusters:
        assert registry.resolve(name) in live
    return registry


@settings(max_examples=60, deadline=None)
@given(
    base=STEPS,
    branches=st.lists(STEPS, min_size=2, max_size=4),
    order=st.randoms(use_true_random=False),
    doctors=st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_any_branches_in_any_order(
    base: list[tuple[str, int, int]],
    branches: list[list[tuple[str, int, int]]],
    order: Any,
    doctors: list[bool],
) -> None:
    trunk: Journal = ()
    for n, step in enumerate(base):
        trunk = stepped(trunk, step, f"2026-11-24T01:{n:02}:00Z", "trunk")
    tips = []
    for b, steps in enumerate(branches):
        tip = trunk
        for n, step in enumerate(steps):
            tip = stepped(tip, step, f"2026-11-24T02:{n:02}:{b:02}Z", f"branch {b}")
        tips.append(tip)

    union = tuple({event.id: event for tip in tips for event in tip}.values())
    shuffled = list(union)
    order.shuffle(shuffled)
    whole = mended(union)
    assert {e.id for e in mended(tuple(shuffled))} == {e.id for e in whole}, "whoever mends, the same lines"
    registry = check(whole)
    seen = {
        number for tip in tips for number in range(6) if signature(number) in ClusterRegistry.of(tip).home
    }
    assert {number for number in range(6) if signature(number) in registry.home} == seen, "nothing is lost"

    order.shuffle(tips)
    merged: Journal = ()
    for tip, doctor in zip(tips, doctors, strict=False):
        merged = tuple({event.id: event for event in (*merged, *tip)}.values())
        if doctor:
            merged = mended(merged)
    stepwise = check(mended(merged))
    together = [{n for n in seen if registry.home[signature(n)] == c.id} for c in registry.live]
    stepwise_together = [{n for n in seen if stepwise.home[signature(n)] == c.id} for c in stepwise.live]
    assert sorted(map(sorted, together)) == sorted(map(sorted, stepwise_together)), "the same partition"

    apart = [mended(tuple({e.id: e for e in (*tips[0], *tip)}.values())) for tip in tips[1:]]
    check(mended(tuple({e.id: e for events in apart for e in events}.values())))

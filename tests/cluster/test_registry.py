"""Whatever people and runs do, in whatever order: ids are never reused, aliases resolve, nothing is lost."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from triage.cluster.assign import Assignment, assign
from triage.cluster.conclusions import conclusions
from triage.cluster.context import Context, Flip
from triage.cluster.decisions import keep_apart, merge, own, rename, split
from triage.cluster.mending import reconcile
from triage.cluster.registry import ClusterRegistry, absent_state
from triage.cluster.rules_file import parse_rules
from triage.errors import UsageError
from triage.model.cluster import ClusterStatus, RunState
from triage.model.failure import Failure, Frame, Raised
from triage.model.journal import EVENT, ClusterOpened, ClusterRenumbered, ClusterSplit, StatusChanged
from triage.model.outcome import Outcome, Phase
from triage.model.run import RunRecord, TestResult
from triage.signature.api import signatures_of, title_of

RULES = parse_rules(
    "[[rule]]\nname='disk'\nmessage='*no space left*'\nexamples=[{message='no space left'}]\n"
    "[[rule]]\nname='fourth'\ntest='t4.py::*'\nexamples=[{test='t4.py::t'}]",
    today=date(2026, 11, 24),
)
REASONS = [
    ("KeyError", "'x'", "m.py"), ("OSError", "no space left on device", "io.py"),
    ("OSError", "no space left on device", "log.py"), ("ValueError", "3 parts of the step are bad", "m.py"),
    ("ValueError", "the step has 4 bad parts here", "m.py"), ("AssertionError", "assert 5.25 == 5.0", None),
    ("AssertionError", "assert 7.25 == 7.0", None), ("FileNotFoundError", "No such file: 'data/a.csv'", None),
]  # fmt: skip
TESTS = st.integers(0, 6).map(lambda n: f"t{n}.py::t")
FAILURES = st.dictionaries(TESTS, st.sampled_from(REASONS), max_size=7)
SOME_TESTS = st.frozensets(TESTS, min_size=1, max_size=4)


def failed(nodeid: str, reason: tuple[str, str, str | None]) -> TestResult:
    kind, message, path = reason
    frames = [Frame(path=nodeid.partition("::")[0], lineno=1, function="t", code="f()", origin="test")]
    if path is not None:
        frames.append(Frame(path=f"src/{path}", lineno=2, function="go", code="x = y", origin="product"))
    failure = Failure(
        nodeid=nodeid, phase=Phase.CALL, chain=(Raised(type=kind, message=message, frames=tuple(frames)),)
    )
    return TestResult(nodeid=nodeid, outcome=Outcome.FAILED, failures=(failure,))


class Identity(RuleBasedStateMachine):
    """A journal, and everything that may be done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[object] = []
        self.clock = 0
        self.homes: dict[str, str] = {}
        """Signature to the id that it was first known under, unless a person or a rule moved it."""
        self.allotted: dict[str, str] = {}
        """Id to the event that allotted it."""

    @property
    def registry(self) -> ClusterRegistry:
        return ClusterRegistry.of(self.events)  # type: ignore[arg-type]

    def now(self) -> str:
        self.clock += 1
        return f"2026-11-24T{self.clock // 60 % 24:02}:{self.clock % 60:02}:00Z"

    def append(self, events: object) -> None:
        for event in events:  # type: ignore[attr-defined]
            text = event.model_dump_json(exclude_none=True)
            assert EVENT.validate_json(text) == event, "what is written reads back"
            self.events.append(event)
            new = event.cluster if isinstance(event, ClusterOpened) else None
            new = event.new if isinstance(event, ClusterSplit | ClusterRenumbered) else new
            if new is not None:
                assert new not in self.allotted, f"{new} was given twice"
                self.allotted[new] = event.id

    def a_cluster(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.registry.clusters)))

    @rule(
        failures=FAILURES,
        flip=st.none() | st.tuples(SOME_TESTS, SOME_TESTS),
        ruled=st.booleans(),
        order=st.randoms(use_true_random=False),
    )
    def run(
        self,
        failures: dict[str, tuple[str, str, str | None]],
        flip: tuple[frozenset[str], frozenset[str]] | None,
        ruled: bool,
        order: object,
    ) -> None:
        stamp, at, before = f"S{self.clock:05}", self.now(), self.registry
        context = Context(
            exists=lambda path: path == "data/a.csv",
            flips=(Flip("env:A=1", flip[0], flip[1] - flip[0], "e"),) if flip else (),
            title_of=title_of,
        )
        results = [failed(test, reason) for test, reason in failures.items()]

        def assigned(given_results: list[TestResult], registry: ClusterRegistry) -> Assignment:
            record = RunRecord(
                stamp=stamp, campaign="c", root="/", complete=True, results=tuple(given_results)
            )
            factory = registry.event_factory(at, "run")
            rules = RULES if ruled else None
            return assign(
                record, registry, signer=signatures_of, factory=factory, rules=rules, context=context
            )

        found = assigned(results, before)
        order.shuffle(results)  # type: ignore[attr-defined]
        again = assigned(results, before)
        assert again.events == found.events, "order changes nothing, rules and evidence or not"
        assert again.cluster_of == found.cluster_of
        assert set(found.cluster_of) == {(test, 0) for test in failures}, "each failure in one cluster"
        for slot, cluster_id in found.cluster_of.items():
            known = found.signatures_of[slot][0]
            moved = ruled and RULES.first({**signature_fields(failures[slot[0]], slot[0]), "test": slot[0]})
            decided = before.member_home.get((known, slot[0]))
            if known in before.home and not moved and decided is None:
                assert cluster_id == before.home[known], "a known signature keeps its id"
        self.append(found.events)
        assert assigned(results, self.registry).events == (), "the same run says nothing new"

    @precondition(lambda self: self.registry.clusters)
    @rule(data=st.data())
    def merge_two(self, data: st.DataObject) -> None:
        before = self.registry
        one, other = self.a_cluster(data), self.a_cluster(data)
        try:
            events = merge(before, before.event_factory(self.now(), "ada"), [one, other])
        except UsageError:
            assert before.resolve(one) == before.resolve(other)
            return
        self.append(events)
        assert self.registry.resolve(other) == self.registry.resolve(one) == before.resolve(one)

    @precondition(lambda self: any(len(c.members) > 1 for c in self.registry.live))
    @rule(data=st.data(), seen=st.booleans())
    def split_one(self, data: st.DataObject, seen: bool) -> None:
        before = self.registry
        cluster = data.draw(st.sampled_from([c for c in before.live if len(c.members) > 1]))
        leaving = data.draw(st.lists(st.sampled_from(cluster.members), min_size=1, unique=True))
        known = dict.fromkeys(cluster.members, cluster.signatures) if seen else {}
        try:
            events = split(
                before, before.event_factory(self.now(), "ada"), cluster.id, leaving, signatures_of=known
            )
        except UsageError:
            assert len(leaving) == len(cluster.members)
            return
        self.append(events)
        after = self.registry
        new = after.clusters[f"C{before.next_number}"]
        assert set(new.members) == set(leaving)
        assert set(after.clusters[cluster.id].members) == set(cluster.members) - set(leaving)

    @precondition(lambda self: self.registry.clusters)
    @rule(data=st.data(), what=st.sampled_from(["own", "rename", "resolve", "apart"]))
    def decide(self, data: st.DataObject, what: str) -> None:
        registry = self.registry
        factory, cluster = registry.event_factory(self.now(), "bob"), self.a_cluster(data)
        if what == "own":
            self.append(own(registry, factory, cluster, "bob"))
            assert self.registry.cluster(cluster).owner == "bob"
        elif what == "rename":
            self.append(rename(registry, factory, cluster, "a name"))
            assert self.registry.cluster(cluster).title == "a name"
        elif what == "resolve":
            home = registry.resolve(cluster)
            self.append(
                [factory.make(StatusChanged, cluster=home, status=ClusterStatus.RESOLVED, reason="met")]
            )
        elif registry.resolve(other := self.a_cluster(data)) != registry.resolve(cluster):
            self.append(keep_apart(registry, factory, cluster, other, "no"))

    @rule(moved=SOME_TESTS, stayed=SOME_TESTS)
    def probe(self, moved: frozenset[str], stayed: frozenset[str]) -> None:
        registry = self.registry
        flips = (Flip("env:B=1", moved, stayed - moved, "e"),)
        self.append(conclusions(registry, registry.event_factory(self.now(), "probe"), flips))
        after = self.registry
        assert conclusions(after, after.event_factory(self.now(), "probe"), flips) == [], (
            "nothing is proposed twice"
        )

    @rule()
    def doctor(self) -> None:
        assert reconcile(self.registry) == [], "one branch alone has nothing to mend"

    @invariant()
    def ids_hold(self) -> None:
        registry = self.registry
        assert registry.clusters.keys() == self.allotted.keys()
        assert all(int(name[1:]) < registry.next_number for name in self.allotted)
        for name in registry.clusters:
            assert registry.clusters[registry.resolve(name)].status is not ClusterStatus.MERGED
            assert name == registry.resolve(name) or name in registry.cluster(name).aliases
        assert set(registry.home.values()) <= {cluster.id for cluster in registry.live}
        for cluster in registry.live:
            assert all(registry.home[signature] == cluster.id for signature in cluster.signatures)

    @invariant()
    def nothing_is_lost_in_the_file(self) -> None:
        lines = [json.loads(event.model_dump_json(exclude_none=True)) for event in self.events]  # type: ignore[attr-defined]
        again = ClusterRegistry.of(EVENT.validate_python(line) for line in reversed(lines))
        assert again == self.registry


def signature_fields(reason: tuple[str, str, str | None], nodeid: str) -> dict[str, str]:
    return signatures_of(failed(nodeid, reason).failures[0])[0].fields


TestIdentity = Identity.TestCase
TestIdentity.settings = settings(max_examples=20, stateful_step_count=18, deadline=None)


@pytest.mark.parametrize(
    ("member", "collected", "state"),
    [
        ("tests/sub", "tests/sub/test_a.py::test_a", RunState.FIXED),
        ("tests/test_a.py", "tests/test_a.py::test_a", RunState.FIXED),
        ("tests/test_a.py::TestA", "tests/test_a.py::TestA::test_a", RunState.FIXED),
        (".", "test_a.py::test_a", RunState.FIXED),
        ("tests/sub", "tests/sub_two/test_a.py::test_a", RunState.NOT_COLLECTED),
    ],
)
def test_what_could_not_be_collected_is_fixed_once_it_has_tests(
    member: str, collected: str, state: RunState
) -> None:
    """Whatever becomes of these tests: their failures are other clusters."""
    assert absent_state([member], {collected: Outcome.FAILED}) is state

"""Joins by evidence: each kind joins what it should, says why, and leaves alone what it should not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.cluster.assign import Assignment, assign
from triage.cluster.conclusions import conclusions
from triage.cluster.context import Context, Flip
from triage.cluster.decisions import merge, split
from triage.cluster.registry import ClusterRegistry, with_proposals
from triage.model.failure import Failure, Frame, Raised
from triage.model.outcome import Outcome, Phase
from triage.model.run import RunRecord, TestResult
from triage.signature.api import signatures_of

Failing = Callable[..., TestResult]
Run = Callable[..., RunRecord]
AT = "2026-11-24T06:00:00Z"


def clustered(
    record: RunRecord, context: Context | None = None, registry: ClusterRegistry | None = None
) -> Assignment:
    before = registry or ClusterRegistry.of(())
    return assign(
        record, before, signer=signatures_of, factory=before.event_factory(AT, "x"), context=context
    )


def count(found: Assignment) -> int:
    return len(set(found.cluster_of.values()))


def kinds(found: Assignment) -> set[str]:
    return {why.kind for cluster in found.clusters for why in cluster.why}


@pytest.fixture
def two(failing: Failing, run: Run) -> RunRecord:
    """Two failures that have nothing in common."""
    return run(failing("a.py::a", "KeyError: 'x'", "m.py:f"), failing("b.py::b", "OSError: no", "n.py:g"))


def test_nothing_in_common_is_two_clusters(two: RunRecord) -> None:
    assert count(clustered(two)) == 2


def test_a_relative_path_that_the_checkout_has_is_a_moved_folder(failing: Failing, run: Run) -> None:
    record = run(
        failing("tests/a.py::a", "FileNotFoundError: [Errno 2] No such file or directory: 'data/x.csv'"),
        failing("tests/b.py::b", "RuntimeError: config not found: conf/base.toml", "m.py:f"),
        failing("tests/c.py::c", "FileNotFoundError: [Errno 2] No such file or directory: 'data/gone.csv'"),
    )
    here = Context(exists=lambda path: path in {"data", "data/x.csv", "conf/base.toml"})
    found = clustered(record, here)
    assert found.cluster_of["tests/a.py::a", 0] == found.cluster_of["tests/b.py::b", 0]
    assert found.cluster_of["tests/c.py::c", 0] != found.cluster_of["tests/a.py::a", 0], "that one is missing"
    assert "process-state" in kinds(found)
    blind = clustered(record)
    assert blind.cluster_of["tests/a.py::a", 0] != blind.cluster_of["tests/b.py::b", 0]
    assert "files of data are missing" in {why.detail for cluster in blind.clusters for why in cluster.why}


def test_one_bare_assertion_of_the_product_is_one_site(failing: Failing, run: Run) -> None:
    """It has no words; a file that is not collected fails by it too."""
    site = {"frame": "shop/core.py:checked", "code": "assert isinstance(name, bytes)"}
    collected = failing("tests/a.py::a", "AssertionError", **site)
    (failure,) = failing("tests/test_b.py", "AssertionError", **site).failures
    other = TestResult(
        nodeid="tests/test_b.py",
        outcome=Outcome.ERROR,
        failures=(failure.model_copy(update={"phase": Phase.COLLECT}),),
    )
    assert count(clustered(run(collected, other))) == 1


def test_one_first_bad_commit_joins_a_range_proposes(two: RunRecord) -> None:
    one = Context(first_bad={"a.py::a": frozenset({"c1"}), "b.py::b": frozenset({"c1"})})
    assert count(clustered(two, one)) == 1
    some = Context(first_bad={"a.py::a": frozenset({"c1", "c2"}), "b.py::b": frozenset({"c2", "c3"})})
    found = clustered(two, some)
    assert count(found) == 2
    assert "the first bad commit of both may be c2" in str(found.events[-1])


def test_failures_that_flip_together_share_a_cause(two: RunRecord) -> None:
    flip = Flip("env:TZ=UTC", frozenset({"a.py::a", "b.py::b"}), frozenset(), "reports/x/probe.json")
    found = clustered(two, Context(flips=(flip,)))
    assert count(found) == 1
    assert "all pass with env:TZ=UTC (reports/x/probe.json)" in str(found.clusters[0].why)
    unspecific = Flip("alone:1=1", frozenset({"a.py::a", "b.py::b"}), frozenset())
    assert count(clustered(two, Context(flips=(unspecific,)))) == 2


def test_lines_of_a_change_that_mend_one_alone_keep_it_apart(failing: Failing, run: Run) -> None:
    """A joint search asks every test about all lines, and each has its own."""
    record = run(
        failing("a.py::a", "ImportError: cannot import name 'x' from 'y'"),
        failing("b.py::b", "ImportError: cannot import name 'x' from 'y'"),
    )
    one = Flip("hunk:m.py:2-2=reverted", frozenset({"a.py::a"}), frozenset())
    other = Flip("hunk:m.py:9-9=reverted", frozenset({"b.py::b"}), frozenset())
    assert count(clustered(record, Context(flips=(one, other)))) == 2
    both = Flip("hunk:m.py:9-9=reverted", frozenset({"a.py::a", "b.py::b"}), frozenset())
    assert count(clustered(record, Context(flips=(one, both)))) == 1, "a has both causes"


def test_an_experiment_keeps_apart_what_words_would_join(failing: Failing, run: Run) -> None:
    record = run(
        failing("a.py::a", "ImportError: cannot import name 'x' from 'y'"),
        failing("b.py::b", "ImportError: cannot import name 'x' from 'y'"),
    )
    assert count(clustered(record)) == 1
    flip = Flip("env:A=1", frozenset({"a.py::a"}), frozenset({"b.py::b"}))
    assert count(clustered(record, Context(flips=(flip,)))) == 2


def test_experiments_propose_a_split_then_a_merge(failing: Failing, run: Run) -> None:
    record = run(
        failing("a.py::a", "KeyError: 'x'", "m.py:f"), failing("b.py::b", "KeyError: 'x'", "m.py:f"),
        failing("c.py::c", "OSError: no", "n.py:g"),
    )  # fmt: skip
    registry = ClusterRegistry.of(clustered(record).events)
    flip = Flip("env:A=1", frozenset({"a.py::a", "c.py::c"}), frozenset({"b.py::b"}))
    events = conclusions(registry, registry.event_factory(AT, "triage probe"), (flip,))
    told = ClusterRegistry.of((*registry.events, *events))
    (proposal,) = told.proposals
    assert (proposal.kind, proposal.cluster, proposal.members) == ("split", "C1", ("b.py::b",))
    assert with_proposals(told, told.cluster("C1")).why[-1].confirm == "triage split C1 b.py::b"
    assert conclusions(told, told.event_factory(AT, "triage probe"), (flip,)) == [], "proposed once"
    decided = split(told, told.event_factory(AT, "ada"), "C1", ["b.py::b"], signatures_of={})
    after = ClusterRegistry.of((*told.events, *decided))
    assert after.proposals == (), "the split answers it"
    (merge,) = conclusions(after, after.event_factory(AT, "triage probe"), (flip,))
    assert (merge.kind, merge.with_cluster, merge.cluster) == ("merge", "C1", "C2")


def test_an_experiment_on_one_cluster_says_nothing_of_another_one_of_the_same_test(
    failing: Failing, run: Run
) -> None:
    """a.py::a failed for one reason, was experimented on, and fails for another one since."""
    registry = ClusterRegistry.of(clustered(run(failing("a.py::a", "KeyError: 'x'", "m.py:f"))).events)
    later = clustered(
        run(failing("a.py::a", "OSError: no", "n.py:g"), failing("b.py::b", "ValueError: 1")),
        registry=registry,
    )
    registry = ClusterRegistry.of((*registry.events, *later.events))
    flips = (
        Flip("env:A=1", frozenset({"a.py::a"}), frozenset(), "one", "C1"),
        Flip("env:A=1", frozenset({"b.py::b"}), frozenset(), "two", "C3"),
    )
    (made,) = conclusions(registry, registry.event_factory(AT, "triage probe"), flips)
    assert (made.with_cluster, made.cluster) == ("C1", "C3")
    assert "1 of 1 test of C1 tried (one); 1 of 1 test of C3 tried (two)" in made.why[0].detail


def test_members_that_one_factor_flips_together_are_not_split_by_another(failing: Failing, run: Run) -> None:
    record = run(failing("a.py::a", "KeyError: 'x'", "m.py:f"), failing("b.py::b", "KeyError: 'x'", "m.py:f"))
    registry = ClusterRegistry.of(clustered(record).events)
    both = Flip("file:data.csv=absent", frozenset({"a.py::a", "b.py::b"}), frozenset())
    one = Flip("env:A=1", frozenset({"a.py::a"}), frozenset({"b.py::b"}))
    assert conclusions(registry, registry.event_factory(AT, "triage probe"), (both, one)) == []
    assert [e.kind for e in conclusions(registry, registry.event_factory(AT, "x"), (one,))] == ["split"]


def test_evidence_never_merges_two_known_ids_it_proposes(two: RunRecord) -> None:
    registry = ClusterRegistry.of(clustered(two).events)
    flip = Flip("env:TZ=UTC", frozenset({"a.py::a", "b.py::b"}), frozenset())
    found = clustered(two, Context(flips=(flip,)), registry)
    assert count(found) == 2
    (event,) = found.events
    assert event.event == "proposal_made"
    assert event.why[0].confirm == "triage merge C1 C2"


def test_a_changed_message_at_the_same_place_is_proposed_as_the_same(failing: Failing, run: Run) -> None:
    first = run(failing("a.py::a", "ConfigError: the step must not be negative", "m.py:check"))
    registry = ClusterRegistry.of(clustered(first).events)
    second = run(failing("a.py::a", "ConfigError: give a step above zero, please", "m.py:check"))
    found = clustered(second, registry=registry)
    assert [event.event for event in found.events] == ["cluster_opened", "proposal_made"]
    third = run(failing("a.py::a", "ConfigError: the step must not be negative", "other.py:parse"))
    assert [event.event for event in clustered(third, registry=registry).events] == ["cluster_opened"]


def test_a_failure_whose_error_moves_by_a_decade_keeps_its_id(failing: Failing, run: Run) -> None:
    def off(by: str) -> RunRecord:
        return run(failing("a.py::a", f"AssertionError: assert {by} < 1e-06", code="assert error < 1e-6"))

    registry = ClusterRegistry.of(clustered(off("2e-06")).events)
    near = clustered(off("5e-06"), registry=registry)
    assert near.cluster_of == {("a.py::a", 0): "C1"}
    assert [event.event for event in near.events] == ["signature_added"] * (len(near.events))
    far = clustered(off("5e-01"), registry=registry)
    assert far.cluster_of == {("a.py::a", 0): "C2"}


MESSAGES = st.sampled_from(
    ["off by 0.25\nassert 5.25 == 5.0", "assert 7.25 == 7.0", "assert 0.5 < 0.1", "assert 5.0 < 0.1",
     "assert 50.0 < 0.1", "step 3 of a long plan failed", "step 4 of a long plan failed",
     "step 4 of a long plan failed!", "assert nan == 1.0"]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), MESSAGES), min_size=2, max_size=16),
    st.randoms(use_true_random=False),
)
def test_joins_do_not_depend_on_order(failures: list[tuple[int, str]], order: object) -> None:
    results = []
    for number, (test, message) in enumerate(failures):
        nodeid = f"tests/test_{test % 3}.py::test_{number}"
        raised = Raised(type="AssertionError", message=message)
        failure = Failure(nodeid=nodeid, phase=Phase.CALL, chain=(raised,))
        results.append(TestResult(nodeid=nodeid, outcome=Outcome.FAILED, failures=(failure,)))
    shuffled = list(results)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (
        clustered(RunRecord(stamp="S", campaign="x", root="/", complete=True, results=tuple(found)))
        for found in (results, shuffled)
    )
    assert one.cluster_of == other.cluster_of
    assert one.events == other.events


def test_what_a_library_says_of_values_does_not_join_those_of_two_functions_of_the_project(
    failing: Failing, run: Run
) -> None:
    """autograd says the same of every broken graph; whose graph it is stands in the failing line."""
    says = "RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn"
    record = run(
        failing("tests/a.py::a", says, code="net.norm(x).backward()"),
        failing("tests/b.py::b", says, code="net.wave(x).sum().backward()"),
        failing("tests/c.py::c", says, code="2 * net.norm(y).backward()"),
    )
    found = clustered(record, Context(exists=lambda path: path == "net.py"))
    assert found.cluster_of["tests/a.py::a", 0] == found.cluster_of["tests/c.py::c", 0]
    assert found.cluster_of["tests/a.py::a", 0] != found.cluster_of["tests/b.py::b", 0]
    assert [e.event for e in found.events] == ["cluster_opened", "cluster_opened", "proposal_made"]
    assert count(clustered(record)) == 1, "without a checkout nobody knows what is the project's"


def test_files_of_a_folder_that_test_files_lie_in_are_missing_one_by_one(failing: Failing, run: Run) -> None:
    missing = "FileNotFoundError: [Errno 2] No such file or directory: "
    record = run(
        failing("lab/tests/test_a.py::a", missing + "'tests/one.csv'"),
        failing("lab/tests/test_b.py::b", missing + "'tests/two.csv'"),
    )
    assert count(clustered(record)) == 2
    elsewhere = run(
        failing("lab/tests/test_a.py::a", missing + "'golden/one.csv'"),
        failing("lab/tests/test_b.py::b", missing + "'golden/two.csv'"),
    )
    assert count(clustered(elsewhere)) == 1


def test_a_path_that_is_there_against_expectation_is_not_missing(failing: Failing, run: Run) -> None:
    shown = (
        "AssertionError: assert not True\n +  where True = exists()\n"
        " +    where exists = PosixPath('cache.db').exists\n"
    )
    gone = "FileNotFoundError: [Errno 2] No such file or directory: 'data/x.csv'"
    record = run(
        failing("tests/a.py::a", shown, code='assert not Path("cache.db").exists()'),
        failing(
            "tests/b.py::b", "AssertionError: assert not True", code='assert not os.path.exists("cache.db")'
        ),
        failing("tests/c.py::c", gone),
    )
    found = clustered(record, Context(exists=lambda path: True))
    left, bare, missing = (found.cluster_of[f"tests/{name}.py::{name}", 0] for name in "abc")
    assert missing not in (left, bare)


def test_what_of_the_process_several_failures_look_at(failing: Failing, run: Run) -> None:
    record = run(
        failing(
            "a.py::a", "AssertionError: assert 'fast' == 'safe'", code="assert os.environ['MODE'] == 'safe'"
        ),
        failing("b.py::b", "KeyError: 'safe'", code='load(TABLE[os.getenv("MODE")])'),
        failing("c.py::c", "AssertionError: assert 'x' == 'y'", code="assert os.environ.get('OTHER') == 'y'"),
        failing("d.py::d", "AssertionError: assert 1 == 4", code="assert torch.get_num_threads() == 4"),
        failing("e.py::e", "ValueError: slow", code="check(torch.get_num_threads())"),
        failing("f.py::f", "ValueError: no", code="check(threading.active_count())"),
    )
    found = clustered(record)
    homes = {name: found.cluster_of[f"{name}.py::{name}", 0] for name in "abcdef"}
    assert homes["a"] == homes["b"]
    assert homes["d"] == homes["e"]
    assert len(set(homes.values())) == 4
    details = {why.detail for cluster in found.clusters for why in cluster.why if why.kind == "process-state"}
    assert "each looks at the environment variable MODE: its process may have another one" in details
    assert len(details) == 2


def test_an_experiment_divides_no_known_cluster_by_itself(failing: Failing, run: Run) -> None:
    """Two reasons that a person merged stay one part of the run, whatever flips: it is people who split."""
    record = run(failing("a.py::a", "KeyError: 'x'", "m.py:f"), failing("b.py::b", "OSError: no", "n.py:g"))
    registry = ClusterRegistry.of(clustered(record).events)
    registry = ClusterRegistry.of(
        (*registry.events, *merge(registry, registry.event_factory(AT, "ada"), ["C1", "C2"]))
    )
    flip = Flip("env:A=1", frozenset({"a.py::a"}), frozenset({"b.py::b"}))
    found = clustered(record, Context(flips=(flip,)), registry)
    assert set(found.cluster_of.values()) == {"C1"}
    assert found.clusters[0].members == ("a.py::a", "b.py::b"), "no member is lost from the run's view"


def test_a_mark_of_the_whole_process_only_proposes(failing: Failing, run: Run) -> None:
    """Whatever fails in a process with another default dtype prints its tensors like that."""
    printed = "tensor([1., 2.], dtype=torch.float32)"
    found = clustered(run(
        failing("a.py::a", f"AssertionError: assert {printed} == 3", code="assert mean(x) == 3"),
        failing("b.py::b", f"ValueError: bad shape of {printed}", "m.py:f"),
    ))  # fmt: skip
    assert found.cluster_of["a.py::a", 0] != found.cluster_of["b.py::b", 0]
    assert any(event.event == "proposal_made" for event in found.events)


def test_one_cause_of_a_helper_behind_many_wrappings(failing: Failing, run: Run) -> None:
    refused = Raised(
        type="ConnectionRefusedError",
        message="[Errno 111] Connection refused",
        relation="cause",
        frames=(
            Frame(path="shop/client.py", lineno=3, function="connect", code="s.connect(a)", origin="product"),
            Frame(path="/usr/lib/python3.11/socket.py", lineno=9, function="connect", origin="library"),
        ),
    )

    def behind(nodeid: str, text: str, frame: str, cause: Raised = refused) -> TestResult:
        result = failing(nodeid, text, frame)
        (failure,) = result.failures
        chain = (*failure.chain, cause)
        return result.model_copy(update={"failures": (failure.model_copy(update={"chain": chain}),)})

    elsewhere = refused.model_copy(
        update={"frames": (Frame(path="shop/mail.py", lineno=3, function="send", origin="product"),)}
    )
    found = clustered(run(
        behind("a.py::a", "shop.StockError: no stock", "shop/stock.py:stock"),
        behind("b.py::b", "shop.PriceError: no price", "shop/price.py:price"),
        behind("c.py::c", "RuntimeError: no user", "shop/user.py:user"),
        behind("d.py::d", "shop.MailError: no mail", "shop/mail.py:mail", elsewhere),
    ))  # fmt: skip
    homes = [found.cluster_of[f"{name}.py::{name}", 0] for name in "abcd"]
    assert homes[0] == homes[1] == homes[2] != homes[3]


def test_an_experiment_with_a_sentence_is_told_by_it(two: RunRecord) -> None:
    said = "m.py:3 broke it: without it the tests pass (reports/x/joint.json)"
    flip = Flip("hunk:m.py:3-3=reverted", frozenset({"a.py::a", "b.py::b"}), frozenset(), "x", said=said)
    (cluster,) = clustered(two, Context(flips=(flip,))).clusters
    assert [why.detail for why in cluster.why] == [said]

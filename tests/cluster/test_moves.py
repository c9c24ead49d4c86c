"""Files that were renamed: clusters keep their ids, members get the new names, nothing counts twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from triage.cluster.assign import Assignment, assign
from triage.cluster.context import Context
from triage.cluster.decisions import split
from triage.cluster.registry import ClusterRegistry
from triage.model.cluster import RunState
from triage.model.failure import Failure, Frame, Raised
from triage.model.journal import FilesMoved, ProposalMade, Relocation
from triage.model.outcome import Outcome, Phase
from triage.model.run import RunRecord, TestResult
from triage.signature.api import signatures_of

Failing = Callable[..., TestResult]
Run = Callable[..., RunRecord]
AT = "2026-11-24T06:00:00Z"
LATER = "20261125T060000Z"
NOTHING = ClusterRegistry.of(())
GIT = "renamed in 1a2b3c4d5e6f"


def moved(**names: str) -> tuple[Relocation, ...]:
    return tuple(Relocation(old=f"{old}.py", new=new, how=GIT) for old, new in names.items())


def checkout(*files: str, moves: Sequence[Relocation] = (), same: Sequence[tuple[str, str]] = ()) -> Context:
    return Context(
        exists=lambda path: path in files,
        moved_files=lambda: moves,
        is_same_test=lambda old, new: (old, new) in same,
    )


def after(
    registry: ClusterRegistry, record: RunRecord, context: Context
) -> tuple[ClusterRegistry, Assignment]:
    found = assign(
        record, registry, signer=signatures_of, factory=registry.event_factory(AT, "x"), context=context
    )
    return ClusterRegistry.of((*registry.events, *found.events)), found


def passed(nodeid: str) -> TestResult:
    return TestResult(nodeid=nodeid, outcome=Outcome.PASSED)


def test_a_renamed_test_file_keeps_its_cluster(failing: Failing, run: Run) -> None:
    line = "assert total(3) == 4"
    both = (
        failing("a.py::one", "AssertionError: assert 3 == 4", code=line),
        failing("a.py::two[x]", "KeyError: 'm'"),
    )
    before, _ = after(NOTHING, run(*both), checkout("a.py"))
    again = run(
        failing("unit/b.py::one", "AssertionError: assert 3 == 4", code=line),
        passed("unit/b.py::two[x]"),
        stamp=LATER,
    )
    today, found = after(before, again, checkout("unit/b.py", moves=moved(a="unit/b.py")))
    assert found.clusters_of("unit/b.py::one") == ("C1",)
    assert {cluster.id: cluster.members for cluster in today.live} == {
        "C1": ("unit/b.py::one",), "C2": ("unit/b.py::two[x]",),
    }  # fmt: skip
    assert [cluster.state_in_run for cluster in found.clusters] == [RunState.KNOWN, RunState.FIXED]
    (event,) = [event for event in found.events if isinstance(event, FilesMoved)]
    assert event.moves == moved(a="unit/b.py")
    assert event in today.events_of("C1")
    third, found = after(today, again, checkout("unit/b.py", moves=moved(a="unit/b.py")))
    assert found.events == (), "said once"
    assert third.cluster("C1").why == today.cluster("C1").why


def test_a_renamed_product_file_keeps_its_clusters(failing: Failing, run: Run) -> None:
    def broken(path: str, module: str) -> list[TestResult]:
        found = []
        for test, function in (("one", "net"), ("two", "gross")):
            frames = (
                Frame(path="t.py", lineno=1, function=test, code=f"{module}.{function}()", origin="test"),
                Frame(path=path, lineno=2, function=function, code="raise", origin="product"),
            )
            raised = Raised(type=f"shop.{module}.PriceError", message=f"{path} is off", frames=frames)
            failure = Failure(nodeid=f"t.py::{test}", phase=Phase.CALL, chain=(raised,))
            found.append(TestResult(nodeid=failure.nodeid, outcome=Outcome.FAILED, failures=(failure,)))
        return found

    there = checkout("t.py", "src/shop/price.py")
    before, _ = after(NOTHING, run(*broken("src/shop/price.py", "price")), there)
    moves = (Relocation(old="src/shop/price.py", new="src/shop/cost.py", how=GIT),)
    here = checkout("t.py", "src/shop/cost.py", moves=moves)
    today, found = after(before, run(*broken("src/shop/cost.py", "cost"), stamp=LATER), here)
    assert [cluster.state_in_run for cluster in found.clusters] == [RunState.KNOWN] * len(before.live)
    details = [why.detail for cluster in today.live for why in cluster.why if why.kind == "frame"]
    assert details
    assert all(detail.startswith("src/shop/cost.py:") for detail in details)


def test_a_file_that_was_renamed_twice_and_names_itself(failing: Failing, run: Run) -> None:
    """Git says every name that it has had; pytest names the module without its folders."""
    one = failing("tests/unit/test_a.py::one", "RuntimeError: bad thing in test_a", code="f()")
    before, _ = after(NOTHING, run(one), checkout("tests/unit/test_a.py"))
    step = Relocation(old="tests/unit/test_a.py", new="tests/it/test_b.py", how=GIT)
    two = failing("tests/it/test_b.py::one", "RuntimeError: bad thing in test_b", code="f()")
    here, found = after(before, run(two, stamp=LATER), checkout("tests/it/test_b.py", moves=[step]))
    assert found.clusters_of("tests/it/test_b.py::one") == ("C1",)
    steps = [
        Relocation(old=old, new="test_c.py", how=GIT)
        for old in ("tests/unit/test_a.py", "tests/it/test_b.py")
    ]
    three = failing("test_c.py::one", "RuntimeError: bad thing in test_c", code="f()")
    last, found = after(here, run(three, stamp=LATER), checkout("test_c.py", moves=steps))
    assert found.clusters_of("test_c.py::one") == ("C1",)
    assert last.cluster("C1").members == ("test_c.py::one",)


def test_a_copy_is_no_move(failing: Failing, run: Run) -> None:
    before, _ = after(NOTHING, run(failing("a.py::one", "KeyError: 'm'", code="x['m']")), checkout("a.py"))
    again = run(failing("b.py::one", "KeyError: 'm'", code="x['m']"), passed("a.py::one"))
    _, found = after(before, again, checkout("a.py", "b.py", moves=moved(a="b.py")))
    assert not [event for event in found.events if isinstance(event, FilesMoved)]


def test_without_git_the_same_name_elsewhere_is_believed_where_the_failure_is_the_same(
    failing: Failing, run: Run
) -> None:
    before, _ = after(
        NOTHING, run(failing("test_a.py::one", "KeyError: 'm'", code="x['m']")), checkout("test_a.py")
    )
    same = run(failing("unit/test_a.py::one", "KeyError: 'm'", code="x['m']"))
    today, found = after(before, same, checkout("unit/test_a.py"))
    assert found.clusters_of("unit/test_a.py::one") == ("C1",)
    assert today.cluster("C1").members == ("unit/test_a.py::one",)
    other = run(failing("unit/test_a.py::one", "KeyError: 'z'", code="x['z']"))
    _, found = after(before, other, checkout("unit/test_a.py"))
    assert found.clusters_of("unit/test_a.py::one") == ("C2",)
    two = run(*same.results, failing("x/test_a.py::one", "OSError: gone"))
    _, found = after(before, two, checkout("unit/test_a.py", "x/test_a.py"))
    assert found.clusters_of("unit/test_a.py::one") == ("C2",), "of two nobody knows which it is"


def test_what_a_split_decided_holds_under_the_new_names(failing: Failing, run: Run) -> None:
    def failures(file: str) -> list[TestResult]:
        return [
            failing(f"{file}::{name}", "ShopError: no price for it", code="f()") for name in ("one", "two")
        ]

    before, _ = after(NOTHING, run(*failures("a.py")), checkout("a.py"))
    decided = split(
        before, before.event_factory(AT, "x"), "C1", ["a.py::two"],
        signatures_of={name: before.cluster("C1").signatures for name in before.cluster("C1").members},
    )  # fmt: skip
    before = ClusterRegistry.of((*before.events, *decided))
    here = checkout("b.py", moves=moved(a="b.py"))
    for tests in (failures("b.py"), failures("b.py")[1:]):
        today, found = after(before, run(*tests), here)
        assert found.clusters_of("b.py::two") == ("C2",)
        _, found = after(today, run(*failures("b.py")), checkout("b.py"))
        assert (found.clusters_of("b.py::one"), found.clusters_of("b.py::two")) == (("C1",), ("C2",))


def test_two_clusters_of_one_failure_are_proposed_to_be_one(failing: Failing, run: Run) -> None:
    """The file was renamed before triage followed renames: both names have a cluster."""
    before, _ = after(NOTHING, run(failing("a.py::one", "KeyError: 'm'", code="f()")), checkout("a.py"))
    renamed = run(failing("b.py::one", "KeyError: 'm'", code="f()"))
    both, found = after(before, renamed, checkout("b.py"))
    assert found.clusters_of("b.py::one") == ("C2",)
    _, found = after(both, renamed, checkout("b.py", moves=moved(a="b.py")))
    (made,) = [event for event in found.events if isinstance(event, ProposalMade)]
    assert (made.with_cluster, made.cluster) == ("C1", "C2")


def test_a_renamed_test_is_followed_where_its_body_is_the_same(failing: Failing, run: Run) -> None:
    line = "assert total(3) == 4"

    def red(*names: str) -> list[TestResult]:
        return [failing(f"a.py::{name}", "AssertionError: assert 3 == 4", code=line) for name in names]

    before, _ = after(NOTHING, run(*red("old[1]", "old[2]", "kept")), checkout("a.py"))
    context = checkout("a.py", same=[("a.py::old", "a.py::new")])
    today, _ = after(before, run(*red("new[1]", "new[2]", "kept")), context)
    assert today.cluster("C1").members == ("a.py::kept", "a.py::new[1]", "a.py::new[2]")
    other, _ = after(before, run(*red("new[1]", "kept")), checkout("a.py"))
    assert "a.py::old[1]" in other.cluster("C1").members, "without evidence the old name stays"


def test_files_that_exchanged_their_names(failing: Failing, run: Run) -> None:
    one, two = ("KeyError: 'm'", "m"), ("KeyError: 'z'", "z")
    before, _ = after(
        NOTHING,
        run(failing("a.py::t", one[0], code=one[1]), failing("b.py::t", two[0], code=two[1])),
        checkout("a.py", "b.py"),
    )
    moves = (Relocation(old="a.py", new="c.py", how=GIT), Relocation(old="b.py", new="d.py", how=GIT))
    today, _ = after(
        before,
        run(failing("c.py::t", one[0], code=one[1]), failing("d.py::t", two[0], code=two[1])),
        checkout("c.py", "d.py", moves=moves),
    )
    assert [cluster.members for cluster in today.live] == [("c.py::t",), ("d.py::t",)]

"""Failures are joined by the line to blame and a second piece of evidence; coverage alone proposes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.fixtures.looks import LookBuilder
from triage.cluster.assign import Assignment, assign
from triage.cluster.context import Context
from triage.cluster.registry import ClusterRegistry
from triage.cluster.suspicion import Suspicions
from triage.instruments.differences import difference
from triage.model.failure import Frame, Raised
from triage.model.run import RunRecord, TestResult
from triage.signature.api import signatures_of

Failing = Callable[..., TestResult]
Run = Callable[..., RunRecord]
HOT, NET = "shop.py:basket", "shop.py:net"
TESTS = ("tests/test_a.py::test_a", "tests/test_b.py::test_b", "tests/test_c.py::test_c")


def clustered(record: RunRecord, look: LookBuilder) -> Assignment:
    registry = ClusterRegistry.of(())
    return assign(
        record,
        registry,
        signer=signatures_of,
        factory=registry.event_factory("2026-11-24T06:00:00Z", "x"),
        context=Context(suspicions=Suspicions(look.document())),
    )


def ids(found: Assignment) -> list[str]:
    return [found.cluster_of[nodeid, 0] for nodeid in TESTS]


def proposals(found: Assignment) -> int:
    return sum(event.event == "proposal_made" for event in found.events)


@pytest.fixture
def three(failing: Failing, run: Run) -> RunRecord:
    """Three failures whose words have nothing in common."""
    return run(
        failing(TESTS[0], "AssertionError: assert 3 == 4", code="assert price(x) == 4"),
        failing(TESTS[1], "TypeError: bad argument", code="total(y)"),
        failing(TESTS[2], "KeyError: 'a'", code="table(z)"),
    )


def looked(greens: int = 9, **failure: Any) -> LookBuilder:
    look = LookBuilder()
    for nodeid in TESTS:
        look.red(nodeid, {HOT: [1], NET: [11]}, **failure)
    for number in range(greens):
        look.green(f"tests/test_a.py::green[{number}]", {HOT: [1]})
    return look


def test_a_line_to_blame_that_the_failing_calls_ran_joins(three: RunRecord) -> None:
    found = clustered(three, looked())
    assert len(set(ids(found))) == 1
    (cluster,) = found.clusters
    assert "shop.py:11 (net), executed by 3 red and 0 green tests" in str(cluster.why)


def test_coverage_alone_proposes(three: RunRecord) -> None:
    found = clustered(three, looked(how="last"))
    assert len(set(ids(found))) == 3
    assert proposals(found) == 2


def test_a_traceback_through_the_line_to_blame_is_a_second_piece_of_evidence(
    failing: Failing, run: Run
) -> None:
    """The first test expects an exception, and gets another one: what raised it is in what was caught."""
    record = run(
        with_cause(failing(TESTS[0], "AssertionError: no such words", code="raises(f)"), "shop.py", "net"),
        failing(TESTS[1], "TypeError: bad argument", "shop.py:net"),
        failing(TESTS[2], "KeyError: 'a'", "other.py:table"),
    )
    found = clustered(record, looked(how="last"))
    one, other, third = ids(found)
    assert one == other != third


def with_cause(result: TestResult, path: str, function: str) -> TestResult:
    """The same result, whose failure was raised while another exception was handled."""
    (failure,) = result.failures
    frame = Frame(path=path, lineno=11, function=function, code="raise error", origin="product")
    caught = Raised(type="ValueError", message="no", relation="context", frames=(frame,))
    failure = failure.model_copy(update={"chain": (*failure.chain, caught)})
    return result.model_copy(update={"failures": (failure,)})


def test_one_function_gave_wrong_values_where_no_line_is_to_blame(failing: Failing, run: Run) -> None:
    """Green tests run every line that red ones run: the fault shows in few of the calls."""
    names = ["tests/test_a.py::test_one", "tests/test_a.py::test_two", "tests/test_b.py::test_other"]
    record = run(*(
        failing(name, f"AssertionError: assert {number} == 4", code=f"assert sizes[{number}] == 4")
        for number, name in enumerate(names)
    ))  # fmt: skip
    look = LookBuilder()
    for name in names:
        look.red(name, {HOT: [1], NET: [11]}, how="operand", chain=[NET])
    for number in range(30):
        look.green(f"tests/test_a.py::green[{number}]", {HOT: [1], NET: [11]})
    one, two, other = (clustered(record, look).cluster_of[name, 0] for name in names)
    assert one == two != other, "of another file it is not known"


def test_a_long_piece_of_text_for_another_joins_from_whatever_function(three: RunRecord) -> None:
    look = LookBuilder()
    for nodeid, giver in zip(TESTS, (HOT, NET, "shop.py:page"), strict=True):
        measured = difference(f"{giver} is 7 centimetres", f"{giver} is 7 inches")
        look.red(nodeid, {HOT: [1]}, how="value", chain=[giver], difference=measured)
    for number in range(20):
        look.green(f"tests/test_a.py::green[{number}]", {HOT: [1]})
    assert len(set(ids(clustered(three, look)))) == 1


def test_the_same_difference_is_a_second_piece_of_evidence(three: RunRecord) -> None:
    escaped = difference("say &quot;a&quot;", 'say "a"')
    found = clustered(three, looked(how="last", difference=escaped))
    assert len(set(ids(found))) == 1


def test_one_function_that_is_wrong_in_one_way_joins_without_coverage(three: RunRecord) -> None:
    look = LookBuilder()
    for number, nodeid in enumerate(TESTS):
        value = 2.0 + number
        look.red(
            nodeid,
            {HOT: [1], NET: [11]},
            how="value",
            chain=[NET],
            difference=difference(value * 1.0123, value),
        )
    for number in range(20):
        look.green(f"tests/test_a.py::green[{number}]", {HOT: [1], NET: [11]})
    assert len(set(ids(clustered(three, look)))) == 1


def test_other_lines_to_blame_outweigh_one_place(failing: Failing, run: Run) -> None:
    """Two faults surface in one line that passes exceptions on."""
    record = run(*(
        failing(nodeid, f"shop.Error: cannot go on with order {name}", "shop/core.py:step", "raise error")
        for nodeid, name in zip(TESTS, ("the first", "another one", "no name"), strict=True)
    ))  # fmt: skip
    look = LookBuilder()
    for index, nodeid in enumerate(TESTS):
        fault = NET if index < 2 else "shop.py:escaped"
        look.red(nodeid, {HOT: [1], fault: [20 + index // 2]})
    look.red("tests/test_c.py::test_more", {HOT: [1], "shop.py:escaped": [21]})
    for number in range(9):
        look.green(f"tests/test_a.py::green[{number}]", {HOT: [1]})
    one, other, third = ids(clustered(record, look))
    assert one == other != third


def test_tests_that_were_not_looked_at_are_clustered_as_ever(three: RunRecord) -> None:
    assert len(set(ids(clustered(three, LookBuilder())))) == 3


def test_one_line_of_a_test_file_has_as_many_causes_as_the_product_says(failing: Failing, run: Run) -> None:
    names = [f"tests/test_a.py::test_{letter}" for letter in "abcdef"]
    record = run(
        *(failing(name, "AssertionError: assert 3 == 4", code="assert result == due") for name in names)
    )
    look = LookBuilder()
    for number, nodeid in enumerate(names):
        look.red(nodeid, {HOT: [1], f"shop.py:fault{number % 2}": [20 + number % 2]}, how="last")
    for number in range(9):
        look.green(f"tests/test_a.py::green[{number}]", {HOT: [1]})
    found = clustered(record, look)
    homes = [found.cluster_of[name, 0] for name in names]
    assert homes[0] == homes[2] == homes[4] != homes[1] == homes[3] == homes[5]
    without = clustered(record, LookBuilder())
    assert len({without.cluster_of[name, 0] for name in names}) == 1, "nothing better is known"

"""A wrong value shows in many assertions: what they have in common joins them, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from triage.cluster.assign import Assignment, assign
from triage.cluster.context import Context
from triage.cluster.registry import ClusterRegistry
from triage.model.failure import Failure, Frame, Raised
from triage.model.outcome import Outcome, Phase
from triage.model.run import RunRecord, TestResult
from triage.signature.api import signatures_of

Run = Callable[..., RunRecord]


def failing(nodeid: str, message: str, code: str, line: int = 9, path: str = "") -> TestResult:
    own = Frame(
        path=path or nodeid.partition("::")[0],
        lineno=line,
        function=nodeid.rpartition("::")[2].partition("[")[0],
        code=code,
        origin="test",
    )
    kind = "AssertionError" if message.startswith("assert") else "TypeError"
    failure = Failure(
        nodeid=nodeid, phase=Phase.CALL, chain=(Raised(type=kind, message=message, frames=(own,)),)
    )
    return TestResult(nodeid=nodeid, outcome=Outcome.FAILED, failures=(failure,))


def clustered(record: RunRecord) -> Assignment:
    registry = ClusterRegistry.of(())
    return assign(
        record, registry, signer=signatures_of, factory=registry.event_factory("2026-11-24T06:00:00Z", "x")
    )


def with_modules(record: RunRecord, *names: str) -> Assignment:
    registry = ClusterRegistry.of(())
    context = Context(exists=lambda path: path in names)
    return assign(
        record,
        registry,
        signer=signatures_of,
        factory=registry.event_factory("2026-11-24T06:00:00Z", "x"),
        context=context,
    )


def together(found: Assignment, one: str, other: str) -> bool:
    return found.cluster_of[one, 0] == found.cluster_of[other, 0]


def test_the_same_wrong_value_in_one_file_joins_and_in_another_proposes(run: Run) -> None:
    wrong = "assert 'Jane Doe (guest)' == 'Jane Doe (owner)'"
    found = clustered(run(
        failing("t/test_a.py::test_shown", wrong, "assert shown(jane) == expected"),
        failing("t/test_a.py::test_page", wrong, "assert page.title == expected"),
        failing("t/test_b.py::test_mail", wrong, "assert mail.head == expected"),
        failing("t/test_a.py::test_other", "assert 'a' == 'b'", "assert kind(jane) == 'b'"),
    ))  # fmt: skip
    assert together(found, "t/test_a.py::test_shown", "t/test_a.py::test_page")
    assert not together(found, "t/test_a.py::test_shown", "t/test_b.py::test_mail")
    assert not together(found, "t/test_a.py::test_shown", "t/test_a.py::test_other")
    proposed = [event for event in found.events if event.event == "proposal_made"]
    assert "guest" in str(proposed)


def test_one_function_that_gives_none_shows_in_several_ways(run: Run) -> None:
    why = "\n +  where None = "
    found = clustered(run(
        failing("t/a.py::test_len", "object of type 'NoneType' has no len()", "assert len(corners(b)) == 8"),
        failing("t/test_b.py::test_is", f"assert None == [1]{why}corners(1)", "assert corners(x) == [1]"),
        failing("t/test_b.py::test_edge", f"assert None == [1]{why}edges(1)", "assert edges(x) == [1]"),
    ))  # fmt: skip
    assert together(found, "t/a.py::test_len", "t/test_b.py::test_is")
    assert not together(found, "t/test_b.py::test_edge", "t/test_b.py::test_is")


def test_another_kind_of_value_from_one_function_joins_within_a_file(run: Run) -> None:
    found = clustered(run(
        failing("t/test_a.py::test_1", "assert (1, 5) == {'a': 1}", "assert r.loads(text) == value"),
        failing("t/test_a.py::test_2", "assert (None, 7) == {}", "assert r.loads(other) == {}"),
        failing("t/test_a.py::test_3", "assert None == {}", "assert r.loads(empty) == {}"),
        failing("t/test_a.py::test_4", "assert (1, 5) == {'a': 1}", "assert r.dumps(text) == value"),
        failing("t/test_b.py::test_5", "assert (1, 5) == {'a': 1}", "assert r.loads(text) == value"),
    ))  # fmt: skip
    assert together(found, "t/test_a.py::test_1", "t/test_a.py::test_2")
    for other in ("t/test_a.py::test_3", "t/test_a.py::test_4", "t/test_b.py::test_5"):
        assert not together(found, "t/test_a.py::test_1", other), other


def test_the_same_wrong_value_of_another_kind_from_one_function_joins_everywhere(run: Run) -> None:
    wrong = "assert ('Jane Doe', 'guest') == {'name': 'Jane Doe'}"
    found = clustered(run(
        failing("t/test_a.py::test_1", wrong, "assert r.loads(text) == value"),
        failing("t/test_b.py::test_2", wrong, "assert r.loads(other) == value"),
        failing("t/test_c.py::test_3", wrong, "assert r.dumps(other) == value"),
    ))  # fmt: skip
    assert together(found, "t/test_a.py::test_1", "t/test_b.py::test_2")
    assert not together(found, "t/test_a.py::test_1", "t/test_c.py::test_3")


def test_one_line_that_several_classes_inherit_is_one_line(run: Run) -> None:
    code = "assert self.make().size_of() == 3"
    found = clustered(run(
        failing("t/test_base.py::TestBase::test_size", "assert 4 == 3", code, 12, "t/test_base.py"),
        failing("t/test_leaf.py::TestLeaf::test_size", "assert 5 == 3", code, 12, "t/test_base.py"),
        failing("t/test_else.py::TestElse::test_size", "assert 9 == 3", code, 40, "t/test_else.py"),
    ))  # fmt: skip
    assert together(found, "t/test_base.py::TestBase::test_size", "t/test_leaf.py::TestLeaf::test_size")
    assert not together(found, "t/test_base.py::TestBase::test_size", "t/test_else.py::TestElse::test_size")


@pytest.mark.parametrize(
    "sign", ["== {} ± 1e-6", "== {}", "== {0} ± 1e-6\n  \n  comparison failed\n  Expected: {0} ± 1e-6"]
)
def test_one_factor_between_what_one_function_gave_and_what_was_due_is_one_cause(run: Run, sign: str) -> None:
    def due(got: float, wanted: float) -> str:
        return f"assert {got} {sign.format(wanted)}"

    found = with_modules(
        run(
            failing("t/test_a.py::test_sum", due(24.0, 36.0), "assert shop.total([10, 20]) == approx(36.0)"),
            failing("t/test_b.py::test_many", due(0.8, 1.2), "assert shop.total(one) == approx(1.2)"),
            failing("t/test_c.py::test_rate", due(2.0, 3.0), "assert bank.rate(x) == approx(3.0)"),
            failing("t/test_d.py::test_half", due(5.0, 7.0), "assert shop.total(two) == approx(7.0)"),
            failing("t/test_e.py::test_own", due(1.0, 2.0), "assert got == approx(2.0)"),
            failing("t/test_f.py::test_own", due(2.0, 4.0), "assert len(rows) == approx(4.0)"),
        ),
        "src/shop",
        "bank.py",
    )
    assert together(found, "t/test_a.py::test_sum", "t/test_b.py::test_many")
    assert not together(found, "t/test_a.py::test_sum", "t/test_c.py::test_rate"), "another function"
    assert not together(found, "t/test_a.py::test_sum", "t/test_d.py::test_half"), "another factor"
    assert not together(found, "t/test_e.py::test_own", "t/test_f.py::test_own"), "a half is no evidence"
    proposed = [str(event) for event in found.events if event.event == "proposal_made"]
    assert any("0.666667 times what was due" in text for text in proposed)
    assert not any("0.5 times" in text for text in proposed)

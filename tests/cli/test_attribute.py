"""What is said of a joint search: causes behind others, and of tests without one each reason once."""

from __future__ import annotations

from types import SimpleNamespace

from triage.cli.attribute import say_causes, say_unexplained
from triage.model.joint_search import HunkRef, JointCause, JointReport, Unexplained


def said(*unexplained: tuple[str, str]) -> list[str]:
    lines: list[str] = []
    rows = tuple(Unexplained(nodeid=nodeid, reason=reason) for nodeid, reason in unexplained)
    report = JointReport(stamp="S", folder="f", base=None, base_chosen="", tests=(), unexplained=rows)
    say_unexplained(SimpleNamespace(say=lines.append), report)  # type: ignore[arg-type]
    return lines


def test_tests_with_one_reason_are_said_once():
    lines = said(("a::one", "flaky"), ("b::two", "red on the base"), ("c::three", "flaky"))
    assert lines == [
        "no cause for a::one and 1 more test: flaky",
        "no cause for b::two: red on the base",
    ]


def test_of_many_reasons_the_rest_is_counted():
    lines = said(*((f"a::t{number}", f"reason {number}") for number in range(13)))
    assert len(lines) == 11
    assert lines[-1] == "no cause for 3 more tests: f/joint.json has the reasons"


def test_nothing_is_said_where_all_have_one():
    assert said() == []


def test_a_cause_that_no_test_has_alone_is_counted():
    hunk = HunkRef(place="a.py:1-1", path="a.py", first=1, last=1, before="x\n", after="y\n")
    cause = JointCause(
        tests=("t::one",), hunks=(hunk,), also_needed=("b.py:2-2", "a.py:1-1"), summary="a.py:1-1 broke it"
    )
    report = JointReport(stamp="S", folder="f", base=None, base_chosen="", tests=("t::one",), causes=(cause,))
    assert report.hidden_causes == ("b.py:2-2",)
    lines: list[str] = []
    say_causes(SimpleNamespace(say=lines.append), report)  # type: ignore[arg-type]
    assert lines[0] == "1 red test, 1 cause, and 1 more behind them:"
    assert "behind other causes, of the same tests: b.py:2-2" in lines


def test_a_test_without_a_cause_is_probed_by_itself_next():
    left = Unexplained(nodeid="a.py::test_it[one two]", reason="red on the base")
    report = JointReport(
        stamp="S", folder="f", base=None, base_chosen="", tests=(left.nodeid,), unexplained=(left,)
    )
    lines: list[str] = []
    say_causes(SimpleNamespace(say=lines.append), report)  # type: ignore[arg-type]
    assert lines[-1].startswith("next: triage probe 'a.py::test_it[one two]'")

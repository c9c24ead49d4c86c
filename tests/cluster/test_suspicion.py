"""The lines to blame: run by many red tests, by few green ones; one after the other for several faults."""

from __future__ import annotations

import pytest

from tests.fixtures.looks import LookBuilder
from triage.cluster.suspicion import Suspicions

HOT = "shop.py:basket"
NET, TEXT = "shop.py:net", "shop.py:escaped"


def several_faults() -> LookBuilder:
    """Everybody runs `basket`; five red tests run a branch of `net`, three others `escaped`."""
    look = LookBuilder()
    for number in range(5):
        look.red(f"t.py::net[{number}]", {HOT: [1, 2], NET: [11, 12]})
    for number in range(3):
        look.red(f"t.py::text[{number}]", {HOT: [1, 2], TEXT: [21]})
    for number in range(12):
        look.green(f"t.py::green[{number}]", {HOT: [1, 2], NET: [11]})
    return look


def test_each_fault_has_its_line() -> None:
    suspicions = Suspicions(several_faults().document())
    blamed = {seen.culprit.place for n in range(5) if (seen := suspicions.of(f"t.py::net[{n}]"))}
    others = {seen.culprit.place for n in range(3) if (seen := suspicions.of(f"t.py::text[{n}]"))}
    assert blamed == {"shop.py:12"}, "the branch, and not the function, which green tests run too"
    assert others == {"shop.py:21"}
    culprit = suspicions.of("t.py::net[0]").culprit
    assert (culprit.function, culprit.red, culprit.green) == (NET, 5, 0)
    assert suspicions.of("t.py::green[0]") is None


def test_what_everybody_runs_is_not_suspicious() -> None:
    look = LookBuilder()
    for number in range(8):
        look.red(f"t.py::red[{number}]", {HOT: [1, 2]})
    for number in range(24):
        look.green(f"t.py::green[{number}]", {HOT: [1, 2]})
    assert Suspicions(look.document()).of("t.py::red[0]") is None


def test_a_single_test_blames_nothing() -> None:
    look = LookBuilder()
    look.red("t.py::red", {NET: [11]})
    assert Suspicions(look.document()).of("t.py::red") is None


@pytest.mark.parametrize(
    ("how", "calls", "leads_there"),
    [("raised", [HOT, NET], True), ("value", [HOT], False), ("last", [HOT, NET], False)],
)
def test_whether_the_failing_call_itself_ran_it(how: str, calls: list[str], leads_there: bool) -> None:
    look = LookBuilder()
    for number in range(3):
        look.red(f"t.py::red[{number}]", {HOT: [1], NET: [11]}, how=how, calls=calls)
    for number in range(9):
        look.green(f"t.py::green[{number}]", {HOT: [1]})
    assert Suspicions(look.document()).of("t.py::red[1]").in_failing_call is leads_there


def test_of_lines_that_nothing_tells_apart_one_of_the_failing_call_is_shown() -> None:
    look = LookBuilder()
    for number in range(3):
        look.red(f"t.py::red[{number}]", {"shop.py:__init__": [5], NET: [11]}, calls=[NET])
    look.green("t.py::green", {HOT: [1]})
    assert Suspicions(look.document()).of("t.py::red[0]").culprit.place == "shop.py:11"


def test_the_order_of_tests_does_not_matter() -> None:
    document = several_faults().document()
    turned = document.model_copy(update={"tests": document.tests[::-1]})
    for test in document.tests:
        assert Suspicions(document).of(test.nodeid) == Suspicions(turned).of(test.nodeid)


def test_a_line_that_explains_what_is_left_over_too_is_one_cause() -> None:
    """One more red test fails before it comes to the line that red tests alone run."""
    look = LookBuilder()
    for number in range(12):
        look.red(f"t.py::far[{number}]", {NET: [11], TEXT: [21]})
    look.red("t.py::near", {NET: [11]})
    look.green("t.py::lucky", {NET: [11]})
    for number in range(9):
        look.green(f"t.py::green[{number}]", {HOT: [1]})
    suspicions = Suspicions(look.document())
    culprit = suspicions.of("t.py::near").culprit
    assert (culprit.place, culprit.red, culprit.green) == ("shop.py:11", 13, 1)
    assert suspicions.of("t.py::far[0]").culprit == culprit


def test_a_much_less_suspicious_line_explains_no_more_tests() -> None:
    look = LookBuilder()
    for number in range(12):
        look.red(f"t.py::far[{number}]", {NET: [11], TEXT: [21]})
    look.red("t.py::near", {NET: [11]})
    for number in range(12):
        look.green(f"t.py::lucky[{number}]", {NET: [11]})
    suspicions = Suspicions(look.document())
    assert suspicions.of("t.py::near") is None
    assert suspicions.of("t.py::far[0]").culprit.place == "shop.py:21"

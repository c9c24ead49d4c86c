"""In which company a test is tried until it fails: recorded orders are sequences and come first."""

from __future__ import annotations

import pytest

from triage.lab.budget import UNLIMITED, BudgetSpent, Spending
from triage.lab.collect import NO_XDIST, Parallel
from triage.lab.protocol import Observation, Setup
from triage.model.outcome import Outcome
from triage.model.run import Limits
from triage.probe.reproduce import NotReproduced, companies, processes_at_once, reproduce

SUITE = ("a.py::one", "a.py::two", "a.py::three", "b.py::four")


def listed(nodeid, chunk=(), suite=SUITE):
    return [(context, setup.nodeids, setup.imports) for context, setup in companies(nodeid, suite, chunk)]


def test_what_ran_before_it_on_record_is_first_in_that_order():
    chunk = ("b.py::four", "a.py::three", "a.py::one", "a.py::two")
    assert listed("a.py::one", chunk) == [
        ("file", ("a.py::three", "a.py::one"), ()),
        ("chunk", ("b.py::four", "a.py::three", "a.py::one"), ()),
        ("file", ("a.py::one", "a.py::two", "a.py::three"), ()),
        ("imports", ("a.py::one",), ("a.py", "b.py")),
        ("chunk", chunk, ()),
        ("suite", SUITE, ()),
    ]


def test_what_the_run_found_red_in_its_place_begins_there():
    chunk = ("b.py::four", "a.py::three", "a.py::one")
    begun = [setup.nodeids for _, setup in companies("a.py::one", SUITE, chunk, in_place_first=True)]
    assert begun[:2] == [chunk, chunk[1:]]


def test_the_same_tests_in_another_order_are_another_sequence():
    chunk = tuple(reversed(SUITE))
    assert ("chunk", chunk, ()) in listed("a.py::one", chunk)


def test_each_sequence_comes_once():
    """The first test of the suite, whose chunk was the whole suite: nothing ran before it."""
    assert listed("a.py::one", SUITE) == [
        ("file", SUITE[:3], ()),
        ("imports", ("a.py::one",), ("a.py", "b.py")),
        ("chunk", SUITE, ()),
    ]


def test_a_suite_of_one_test_has_no_company():
    assert listed("a.py::one", suite=("a.py::one",)) == []


def test_tests_that_are_gone_are_left_out_of_a_recorded_order():
    assert listed("a.py::one", ("gone.py::x", "a.py::two", "a.py::one"))[0] == (
        "file",
        ("a.py::two", "a.py::one"),
        (),
    )


XDIST = Parallel(installed=True)


def test_several_processes_are_its_copies_its_file_and_the_suite():
    asked = [(setup.nodeids, setup.distribution) for _, setup in processes_at_once("a.py::one", SUITE, XDIST)]
    assert asked == [(("a.py::one",), "each"), (SUITE[:3], "load"), (SUITE, "load")]
    assert list(processes_at_once("a.py::one", SUITE, NO_XDIST)) == []


class World:
    """A laboratory whose runs are a function of the setup."""

    def __init__(self, world):
        self.spending = Spending(UNLIMITED, lambda: 0.0)
        self.world, self.notes, self.setups = world, [], []
        self.limits = Limits()

    def look(self, looks):
        self.setups += [look.setup for look in looks]
        return [self.world(look.setup) for look in looks]


def observed(red, **more):
    outcome = Outcome.FAILED if red else Outcome.PASSED
    return Observation(outcomes={"b.py::four": outcome}, **more)


def test_a_suite_that_starts_workers_is_run_so_before_other_company():
    lab = World(lambda setup: observed(bool(setup.workers)))
    found = reproduce(lab, "b.py::four", SUITE, parallel=Parallel(installed=True, asked=True, workers=4))
    assert found.context == "workers"
    assert found.text == "Reproduced under pytest -n 4 --dist each, alone: failed 2 of 2 times."
    assert [setup.workers for setup in lab.setups] == [None, None, 4, 4]


def test_the_order_of_its_worker_is_tried_in_one_process():
    """What one worker ran before it is a sequence that one process never ran: a test between is left out."""

    def world(setup):
        if setup.workers and len(setup.nodeids) > 1:
            workers = {"a.py::two": "gw1", "a.py::one": "gw0", "b.py::four": "gw1"}
            return observed(True, worker_of=workers, order=("a.py::two", "a.py::one", "b.py::four"))
        return observed(setup.nodeids == ("a.py::two", "b.py::four"))

    found = reproduce(World(world), "b.py::four", SUITE, parallel=XDIST)
    assert (found.context, found.setup) == ("chunk", Setup(nodeids=("a.py::two", "b.py::four")))


def test_two_first_runs_that_disturbed_each_other_are_told_from_chance():
    """Of two copies side by side one fails; with nothing beside it none does."""
    side_by_side = iter([False, True])

    def world(setup):
        if setup.workers is None:
            return observed(next(side_by_side))
        return observed(setup.distribution == "each")

    found = reproduce(World(world), "b.py::four", SUITE, parallel=XDIST)
    assert (found.context, found.setup.workers, found.setup.distribution) == ("workers", 2, "each")


@pytest.mark.parametrize(
    ("parallel", "said"),
    [(NO_XDIST, "pytest-xdist is not installed"), (XDIST, "and under pytest -n 2")],
)
def test_whether_several_processes_were_tried_is_said(parallel, said):
    answer = reproduce(World(lambda setup: observed(False)), "b.py::four", SUITE, parallel=parallel)
    assert isinstance(answer, NotReproduced)
    assert said in answer.text


@pytest.mark.parametrize(("is_recorded", "context"), [(False, "twice"), (True, None)])
def test_a_second_run_is_tried_where_no_failure_is_on_record(is_recorded, context):
    """A failure that a run has recorded is another one than that of a second run."""
    world = World(lambda setup: observed(bool(setup.instruments.get("twice"))))
    found = reproduce(world, "b.py::four", SUITE, is_recorded=is_recorded)
    assert getattr(found, "context", None) == context


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        (0, "before the test had run alone: nothing is known yet"),
        (2, "Passed 2 of 2 times alone; the budget"),
    ],
)
def test_a_budget_that_ends_while_it_is_reproduced_leaves_what_is_known(runs, said):
    left = iter(range(runs))

    def world(setup):
        if next(left, None) is None:
            raise BudgetSpent
        return observed(False)

    answer = reproduce(World(world), "b.py::four", SUITE)
    assert isinstance(answer, NotReproduced)
    assert said in answer.text

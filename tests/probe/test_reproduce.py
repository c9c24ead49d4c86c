"""In which company a test is tried until it fails: recorded orders are sequences and come first."""

from __future__ import annotations

from triage.probe.reproduce import companies

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

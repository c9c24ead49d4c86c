"""Who wrote what leaks: the test's own hand, or the product under it, which then is what to repair."""

from __future__ import annotations

import textwrap

import pytest

from triage.lab.protocol import Setup
from triage.model.experiment import Factor
from triage.probe.edits.always_restore import restoring_always
from triage.probe.leak_writers import LeakWriter, find_writer
from triage.probe.leaked_state import LeakedState
from triage.probe.product_repairs import product_repair
from triage.testing.probes import answered, case_of, seen

T, POLLUTER = "tests/test_a.py::test_victim", "tests/test_a.py::test_polluter"
QUIET = textwrap.dedent("""\
    from contextlib import contextmanager

    LEVEL = 1

    @contextmanager
    def quiet(value):
        global LEVEL
        before = LEVEL
        LEVEL = 0
        given = yield value

        # back to what it was
        LEVEL = before

    def set_level(value):
        global LEVEL
        LEVEL = value

    def render(value):
        global LEVEL
        LEVEL = value
        return LEVEL

    class Silence:
        def start(self):
            global LEVEL
            LEVEL = 0

        def __exit__(self, *error):
            pass
""")


def written(place, function, source=QUIET, key="attr:quiet.LEVEL"):
    line = {
        "event": "write",
        "nodeid": POLLUTER,
        "key": key,
        "where": place,
        "function": function,
    }

    def world(setup):
        mended = "finally" in (setup.edits.get("quiet.py") or "")
        measured = {"writes": (line,)} if "writes" in setup.instruments else {}
        return seen(T, mended, measured=measured)

    case = case_of(T, world, source={"quiet.py": source}.get, files=("quiet.py",))
    leaked = LeakedState(
        keys=(key,),
        shown=("LEVEL",),
        clean=("1",),
        dirty=("2",),
        factor=Factor(kind="restore", name="x"),
    )
    polluted = Setup(nodeids=(POLLUTER, T))
    writer = answered(find_writer(case, [POLLUTER], polluted, leaked), world)
    return writer, answered(product_repair(case, writer, leaked, [POLLUTER], polluted), world)


@pytest.mark.parametrize(
    ("place", "function", "at_fault"),
    [
        ("tests/test_a.py:4", "test_polluter", "test"),
        ("quiet.py:9", "quiet", "product"),
        ("quiet.py:17", "set_level", "test"),
        ("quiet.py:21", "render", "product"),
        ("quiet.py:27", "Silence.start", "product"),
    ],
)
def test_a_setter_is_the_tests_hand_and_what_promises_to_restore_is_not(place, function, at_fault):
    writer, _ = written(place, function)
    assert writer.at_fault == at_fault
    assert ("a product defect" in writer.sentence) == (at_fault == "product")
    assert place in writer.sentence


def test_the_products_own_restore_runs_in_a_finally():
    writer, (patch,) = written("quiet.py:9", "quiet")
    assert writer.polluter == POLLUTER
    assert patch.path == "quiet.py"
    expected = """\
    try:
        given = yield value
    finally:
        # back to what it was
        LEVEL = before
"""
    assert expected in patch.after
    compile(patch.after, "quiet.py", "exec")
    assert patch.after.endswith(QUIET[QUIET.index("def set_level") :])


def test_a_product_without_any_restore_gets_one():
    _, (patch,) = written("quiet.py:21", "render")
    assert patch.title == "render restores what it changes, whatever happens"
    compile(patch.after, "quiet.py", "exec")


def test_without_a_restore_there_is_nothing_to_move():
    assert restoring_always("def f():\n    yield 1\n", 2) is None
    assert restoring_always("no python at all (", 1) is None


@pytest.mark.parametrize(
    ("place", "function", "polluter", "said"),
    [
        ("tests/a.py:3", "test_x", "tests/a.py::test_x[1]", "it is changed at tests/a.py:3 (test_x) and not"),
        (
            "tests/a.py:3",
            "test_x",
            "tests/a.py::TestA::test_x",
            "it is changed at tests/a.py:3 (test_x) and not",
        ),
        (
            "tests/a.py:3",
            "helper",
            "tests/a.py::test_x",
            "it is changed at tests/a.py:3 (helper) for tests/a.py::",
        ),
        (
            "tests/b.py:3",
            "test_x",
            "tests/a.py::test_x",
            "it is changed at tests/b.py:3 (test_x) for tests/a.py::",
        ),
    ],
)
def test_a_test_that_leaks_by_itself_is_named_once(place, function, polluter, said):
    writer = LeakWriter(place=place, function=function, polluter=polluter, at_fault="test")
    assert writer.sentence.startswith(said)


KEEPS = textwrap.dedent("""\
    SEEN = {}
    COUNTS = {}
    JOBS = []

    def tables(words):
        key = len(words)
        if key not in SEEN:
            SEEN[key] = [word + "s" for word in words]
        return SEEN[key]

    def by_name(words):
        found = SEEN.get(len(words))
        if found is None:
            SEEN[len(words)] = found = list(words)
        return found

    def count(word):
        COUNTS[word] = COUNTS.get(word, 0) + 1
        return len(COUNTS)

    def schedule(job):
        JOBS.append(job)

    def clear():
        del JOBS[:]
""")


@pytest.mark.parametrize(
    ("place", "function", "key", "at_fault", "fills_cache"),
    [
        ("quiet.py:8", "tables", "attr:quiet.SEEN", "product", True),
        ("quiet.py:14", "by_name", "attr:quiet.SEEN", "product", True),
        ("quiet.py:18", "count", "attr:quiet.COUNTS", "product", False),
        ("quiet.py:22", "schedule", "attr:quiet.JOBS", "test", False),
    ],
)
def test_a_cache_is_the_products_and_what_can_be_cleared_is_the_tests(
    place, function, key, at_fault, fills_cache
):
    writer, _ = written(place, function, KEEPS, key)
    assert (writer.at_fault, writer.fills_cache) == (at_fault, fills_cache)
    assert ("would only hide" in writer.sentence) == fills_cache
    assert ("a product defect" in writer.sentence) == (place == "quiet.py:18")


def test_no_line_is_named_where_the_state_was_too_large_to_be_watched_to_the_end():
    write = {"event": "write", "nodeid": POLLUTER, "key": "attr:quiet.LEVEL", "where": "quiet.py:9"}
    stopped = {"event": "stopped", "nodeid": POLLUTER}

    def world(setup):
        return seen(T, False, measured={"writes": (write | {"function": "quiet"}, stopped)})

    case = case_of(T, world, source={"quiet.py": QUIET}.get, files=("quiet.py",))
    leaked = LeakedState(
        keys=("attr:quiet.LEVEL",),
        shown=("LEVEL",),
        clean=("1",),
        dirty=("2",),
        factor=Factor(kind="restore", name="x"),
    )
    assert answered(find_writer(case, [POLLUTER], Setup(nodeids=(POLLUTER, T)), leaked), world) is None

"""The meter of writes names the line of the author's code that leaves a value behind."""

from __future__ import annotations

FILES = {
    "quiet.py": """
        from contextlib import contextmanager

        LEVEL = {"now": 1}

        @contextmanager
        def quiet():
            before = LEVEL["now"]
            LEVEL["now"] = 0
            yield
            LEVEL["now"] = before
    """,
    "test_a.py": """
        import os, pytest, quiet

        def test_product():
            with pytest.raises(KeyError), quiet.quiet():
                raise KeyError

        def test_own():
            os.environ["QUIET"] = "1"
            quiet.LEVEL.update(now=5)
    """,
}


def test_the_last_writer_is_the_line_that_ran_whoever_did_the_writing(observe):
    keys = ["attr:quiet.LEVEL", "env:QUIET"]
    tests = ["test_a.py::test_product", "test_a.py::test_own"]
    seen = observe(FILES, *tests, writes={"keys": keys, "during": tests})
    found = [(line["nodeid"], line["key"], line["where"], line["function"]) for line in seen.lines("writes")]
    assert found == [
        (tests[0], "attr:quiet.LEVEL", "quiet.py:9", "quiet"),
        (tests[1], "env:QUIET", "test_a.py:9", "test_own"),
        (tests[1], "attr:quiet.LEVEL", "test_a.py:10", "test_own"),
    ]


REPLACING = {
    "test_a.py": """
        import hashlib, json, os

        def test_replaces():
            json.dumps = lambda value: "nope"
            hashlib.blake2b = os.open = os.write = None
    """,
}


def test_functions_that_a_test_replaces_are_still_seen(observe):
    """The meter itself writes JSON to a file: it must not do so by what the test has put there."""
    test = "test_a.py::test_replaces"
    seen = observe(REPLACING, test, writes={"keys": ["attr:json.dumps"], "during": [test]})
    found = [(line["key"], line["where"]) for line in seen.lines("writes")]
    assert found == [("attr:json.dumps", "test_a.py:5")]


def test_a_value_that_takes_too_long_to_compare_is_watched_no_more_and_that_is_said(observe):
    """Without any time for comparing the meter stops at its first look."""
    test = "test_a.py::test_own"
    seen = observe(FILES, test, writes={"keys": ["attr:quiet.LEVEL"], "during": [test], "seconds": 0.0})
    assert [(line["event"], line["nodeid"]) for line in seen.lines("writes")] == [("stopped", test)]
    assert seen.passed(test)

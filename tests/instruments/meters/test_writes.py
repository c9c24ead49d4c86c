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

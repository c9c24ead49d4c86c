"""Whether a passing test came to the statement that failed, seen in a real process."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

FILES = {
    "test_r.py": """
        import os

        def rows():
            return [row for row in os.environ.get("ROWS", "").split(",") if row]

        def test_loop():
            for row in rows():
                assert row.isdigit()

        def test_all():
            assert all(row.isdigit() for row in rows())

        def test_guard():
            if "ROWS" in os.environ:
                assert rows() == ["1", "2"]

        class TestOne:
            def test_plain(self):
                assert len(
                    rows()
                ) < 5
    """,
}


@pytest.mark.parametrize(
    ("name", "line", "rows", "found"),
    [
        ("test_loop", (9, 9), "1,2", (True, False)),
        ("test_loop", (9, 9), "", (False, False)),
        ("test_all", (12, 12), "1,2", (True, False)),
        ("test_all", (12, 12), "", (True, True)),
        ("test_guard", (16, 16), None, (False, False)),
        ("TestOne::test_plain", (20, 22), "", (True, False)),
    ],
)
def test_the_statement_is_reached_or_not(observe, name, line, rows, found):
    nodeid = f"test_r.py::{name}"
    env = {} if rows is None else {"ROWS": rows}
    told = {"path": "test_r.py", "first": line[0], "last": line[1]}
    seen = observe(FILES, nodeid, env=env, reach=told)
    assert seen.passed(nodeid)
    (said,) = seen.lines("reach", "reached")
    assert (said["hit"], said["hollow"]) == found


def test_without_a_statement_it_only_watches(observe):
    assert observe(FILES, "test_r.py::test_all", reach={}).lines("reach") == []


def test_a_file_of_which_nothing_runs_tells_nothing(observe):
    told = {"path": "elsewhere.py", "first": 1, "last": 1}
    assert observe(FILES, "test_r.py::test_all", reach=told).lines("reach") == []


def test_floats_that_a_unittest_finds_unequal_may_be_given_slack(observe):
    files = {
        "test_r.py": """
            import unittest
            class TestSum(unittest.TestCase):
                def test_close(self):
                    self.assertEqual(0.1 + 0.2, 0.3)
                def test_wrong(self):
                    self.assertEqual(1.001, 1.0)
        """
    }
    close, wrong = "test_r.py::TestSum::test_close", "test_r.py::TestSum::test_wrong"
    tight = observe(files, close, tolerance={})
    assert tight.red(close)
    assert tight.lines("tolerance", "miss")[0]["relative"] < 1e-15
    loose = observe(files, close, wrong, tolerance={"factor": 10.0})
    assert loose.passed(close)
    assert loose.red(wrong)

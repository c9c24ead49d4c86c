"""Product lines that a treatment keeps from running; what an error leads to by itself is no such line."""

from __future__ import annotations

import textwrap

from triage.lab.lost_lines import LostLines, lost_lines
from triage.model.failure import Failure, Frame, Raised

TOTALS = textwrap.dedent("""\
    def total(rows, batch):
        result = 0
        for row in rows[:batch]:
            # a comment between two statements
            value = row * 2

            result += value
        if result > 10:
            result -= 1
        return result
""")
CHECKED = textwrap.dedent("""\
    class BadRate(ValueError):
        def __init__(self, rate):
            super().__init__(rate)
            self.rate = rate

    def check(rate):
        if rate < 0:
            text = f"bad rate {rate}"
            raise BadRate(text)
        return rate

    def load(rate):
        try:
            return check(rate)
        except BadRate:
            note = "again"
            raise
        finally:
            closed = True
""")


def failed_at(*places: tuple[str, int], exception: str = "AssertionError") -> Failure:
    frames = tuple(Frame(path=path, lineno=line, origin="product") for path, line in places)
    return Failure(nodeid="t", phase="call", chain=(Raised(type=exception, message="x", frames=frames),))


def lost(source: str, failing: set[int], treated: set[int], failure: Failure, edited: str | None = None):
    edits = {} if edited is None else {"totals.py": edited}
    return lost_lines(
        {"totals.py": frozenset(failing)},
        {"totals.py": frozenset(treated)},
        failure,
        {"totals.py": source}.get,
        edits,
    )


def test_the_body_of_a_loop_that_is_emptied_is_lost():
    found = lost(TOTALS, {2, 3, 5, 7, 8, 10}, {2, 3, 8, 10}, failed_at(("tests/test_t.py", 3)))
    assert found == LostLines(no_longer_run=("totals.py:5-7",))
    assert found.only_skips


def test_another_branch_is_lost_and_replaced():
    found = lost(TOTALS, {2, 3, 8, 9, 10}, {2, 3, 5, 7, 8, 10}, failed_at(("tests/test_t.py", 3)))
    assert found.no_longer_run == ("totals.py:9",)
    assert found.newly_run == ("totals.py:5-7",)
    assert not found.only_skips


def test_the_same_lines_lose_nothing():
    assert not lost(TOTALS, {2, 3, 8, 10}, {2, 3, 5, 7, 8, 10}, failed_at(("tests/test_t.py", 3)))


def test_what_the_error_leads_to_is_not_lost():
    failure = failed_at(("tests/test_t.py", 3), ("totals.py", 14), ("totals.py", 9), exception="BadRate")
    failing = {3, 4, 7, 8, 9, 13, 14, 15, 16, 17, 19}
    assert not lost(CHECKED, failing, {7, 10, 13, 14, 19}, failure)


def test_a_handler_of_an_error_that_the_product_swallowed_is_lost():
    failing = {3, 4, 7, 8, 9, 13, 14, 15, 16, 19}
    found = lost(CHECKED, failing, {7, 10, 13, 14, 19}, failed_at(("tests/test_t.py", 3)))
    assert "totals.py:15-16" in found.no_longer_run


def test_a_line_that_fails_without_raising_by_itself_is_lost():
    failure = failed_at(("tests/test_t.py", 3), ("totals.py", 9), exception="ZeroDivisionError")
    assert lost(TOTALS, {2, 8, 9}, {2, 8, 10}, failure).no_longer_run == ("totals.py:9",)


def test_an_edit_moves_lines_replaces_some_and_takes_some_out():
    edited = "import os\n" + TOTALS.replace("value = row * 2", "value = row * 3")
    assert not lost(TOTALS, {2, 3, 5, 7}, {3, 4, 6, 8}, failed_at(), edited)
    without = TOTALS.replace("    if result > 10:\n        result -= 1\n", "")
    found = lost(TOTALS, {2, 3, 8, 9, 10}, {2, 3, 8}, failed_at(), without)
    assert found.no_longer_run == ("totals.py:8-9",)

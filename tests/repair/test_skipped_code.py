"""A repair that only keeps the code with the fault from running closes nothing."""

from __future__ import annotations

import pytest

from triage.model.experiment import RootCause
from triage.repair.skipped_code import still_skipped, texts_of_lines
from triage.testing.probes import seen

T = "tests/test_t.py::test_total"
TOTALS = """\
def total(rows):
    result = 0
    for row in rows:
        # twice
        result += row * 2
    return result
"""
CONDITION = RootCause(
    kind="product-defect", summary="", confidence="likely", claim="condition",
    lines_no_longer_run=("totals.py:4-5",),
)  # fmt: skip


def run_of(*lines):
    executed = {
        "event": "executed",
        "nodeid": T,
        "files": ["totals.py"],
        "lines": [[0, line] for line in lines],
    }
    return seen(T, True, measured={"lines": (executed,)})


def test_lines_are_kept_by_their_text():
    assert texts_of_lines(CONDITION, {"totals.py": TOTALS}.get) == ("totals.py: result += row * 2",)
    assert texts_of_lines(CONDITION.model_copy(update={"claim": None}), {"totals.py": TOTALS}.get) == ()


@pytest.mark.parametrize(
    ("source", "lines", "place"),
    [
        (TOTALS, (2, 3, 6), "totals.py:5"),
        (TOTALS, (2, 3, 5, 6), None),
        ("import os\n" + TOTALS, (3, 4, 6, 7), None),
        ("import os\n" + TOTALS, (3, 4, 7), "totals.py:6"),
        (TOTALS.replace("row * 2", "row"), (2, 3, 6), None),
    ],
    ids=["avoided", "runs", "moved", "moved and avoided", "changed"],
)
def test_an_unchanged_line_has_to_run(source, lines, place):
    wanted = texts_of_lines(CONDITION, {"totals.py": TOTALS}.get)
    assert still_skipped(wanted, run_of(*lines), (T,), {"totals.py": source}.get) == place

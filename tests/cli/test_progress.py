"""Progress in logs: what is done, how far it is, how long yet; a bounded number of lines."""

from __future__ import annotations

import pytest

from triage.cli.progress import PlainProgress, in_words, time_left
from triage.model.outcome import Outcome


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (80, "1 min 20 s"), (3600, "1 h"), (7500, "2 h 5 min")],
)
def test_durations_in_words(seconds, said):
    assert in_words(seconds) == said


def test_the_time_left_is_told_as_soon_as_it_can_be():
    assert time_left(1, 100, 9.0) == ""
    assert time_left(25, 100, 10.0) == ", about 30 s left"
    assert time_left(100, 100, 10.0) == ""


def test_work_with_a_limit_never_promises_more_than_its_limit():
    assert time_left(1, 100, 9.0, 60.0) == ", at most 51 s left"
    assert time_left(25, 100, 10.0, 60.0) == ", about 30 s left"
    assert time_left(60, 1000, 10.0, 60.0) == ", at most 50 s left: some are left out"
    assert time_left(60, 1000, 70.0, 60.0) == ", at most 0 s left: some are left out"


def test_a_log_has_words_and_no_raw_numbers(clock, capsys):
    progress = PlainProgress(clock)
    progress.start(1, "collecting")
    progress.step("collected")
    progress.finish()
    progress.start(10, "running 10 tests in 1 chunk")
    progress.step("t.py::a", Outcome.FAILED, "KeyError:\n 'x'")
    clock.now = 6.0
    progress.step("t.py::b", Outcome.PASSED)
    progress.finish()
    assert capsys.readouterr().err.splitlines() == [
        "collecting",
        "running 10 tests in 1 chunk",
        "FAILED t.py::a - KeyError: 'x'",
        "  2 of 10 after 6 s, about 24 s left",
        "  ended behind 2 of 10",
    ]


def test_a_log_stays_short_however_much_fails_and_however_long_it_takes(clock, capsys):
    progress = PlainProgress(clock)
    progress.start(2000, "running 2000 tests in 40 chunks")
    for number in range(2000):
        clock.now += 1.8  # an hour in all
        progress.step(f"t.py::test_{number}", Outcome.FAILED, "no\x1b[31m " * 100)
    lines = capsys.readouterr().err.splitlines()
    assert sum(line.startswith("FAILED") for line in lines) == 20
    assert "more tests fail: they are counted, and named at the end" in lines
    assert len(lines) < 110
    assert all("\x1b" not in line and len(line) < 200 for line in lines)

"""Rates and flips from the recorded runs of a test, and what of it counts as chance at the gate."""

from triage.evidence.history.api import HistoryRow
from triage.evidence.history.flakiness import flakiness_of, record_of, record_on_commit
from triage.model.outcome import Outcome


def rows(*runs: tuple[str, int, int]) -> list[HistoryRow]:
    """Outcome, executions and reds of each run, oldest first, as a store gives them: newest first."""
    found = [
        HistoryRow(
            stamp=f"2026010{day}T000000Z", campaign="c", commit=None, outcome=Outcome(outcome), duration=None,
            signature="reason/1:x" if failed else None, runs=runs, failed=failed,
        )
        for day, (outcome, runs, failed) in enumerate(runs, start=1)
    ]  # fmt: skip
    return found[::-1]


def test_rate_and_flips():
    found = flakiness_of("a", rows(("passed", 1, 0), ("flaky", 3, 1), ("failed", 3, 3), ("passed", 1, 0)))
    assert (found.runs, found.failed, found.suite_runs, found.flaky_runs) == (8, 4, 4, 1)
    assert found.rate == 0.5
    assert (round(found.low, 3), round(found.high, 3)) == (0.215, 0.785)
    assert found.flips == 3  # the flaky run; green to red, and back
    assert found.flips_per_100_runs == 75.0
    assert (found.first_seen, found.last_failed) == ("20260102T000000Z", "20260103T000000Z")
    assert found.signatures == ("reason/1:x",)


def test_a_test_that_a_commit_broke_is_not_flaky():
    red, green = rows(("passed", 1, 0), ("failed", 1, 1))
    on = [
        row.model_copy(update={"commit": commit, "dirty": False})
        for row, commit in ((red, "b"), (green, "a"))
    ]
    assert flakiness_of("a", on).flips == 1
    assert not flakiness_of("a", on).is_flaky
    on_one = [row.model_copy(update={"commit": "a"}) for row in on]
    assert (flakiness_of("a", on_one).mixed_commits, flakiness_of("a", on_one).is_flaky) == (1, True)
    maybe_dirty = [on_one[0].model_copy(update={"dirty": None}), on_one[1]]
    assert not flakiness_of("a", maybe_dirty).is_flaky


def test_skips_say_nothing_and_tests_that_never_failed_are_not_listed():
    assert flakiness_of("a", rows(("passed", 1, 0), ("skipped", 0, 0))) is None
    found = flakiness_of("a", rows(("failed", 1, 1), ("skipped", 0, 0), ("failed", 1, 1)))
    assert (found.rate, found.flips) == (1.0, 0)


def test_on_record_is_what_was_red_and_green_within_one_run():
    assert record_of(rows(("failed", 3, 3), ("passed", 1, 0), ("failed", 3, 3))) is None, "code may differ"
    record = record_of(rows(("flaky", 3, 1), ("passed", 1, 0), ("failed", 3, 3), ("failed", 3, 3)))
    assert (record.runs, record.failed, record.reds_since, record.greens_since) == (4, 1, 6, 0)
    assert (record.signatures, record.first_seen) == ({"reason/1:x"}, "20260101T000000Z")


def test_red_on_one_commit():
    history = rows(("failed", 3, 3), ("passed", 1, 0), ("passed", 1, 0))
    red, *greens = [row.model_copy(update={"commit": "abc", "dirty": False}) for row in reversed(history)]
    record = record_on_commit([*reversed(greens), red], "abc")
    assert (record.runs, record.failed, record.greens_since) == (5, 3, 2)
    assert record_on_commit([*greens, red], "def") is None
    dirty = red.model_copy(update={"dirty": True})
    assert record_on_commit([*greens, dirty], "abc") is None, "the tree was another one"


def test_greens_since_the_last_red():
    record = record_of(rows(("flaky", 3, 1), ("passed", 1, 0), ("skipped", 0, 0), ("passed", 1, 0)))
    assert (record.runs, record.failed, record.reds_since, record.greens_since) == (5, 1, 0, 2)

"""What the recorded runs of one test say of chance: its failure rate, how often it flips, since when."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, takewhile

from triage.evidence.history.api import HistoryRow
from triage.model.base import Value
from triage.model.rate import FlakyRecord, wilson

MOST_RUNS = 200
"""The newest so many runs of a test count: what it did a year ago says little of today."""


class TestFlakiness(Value):
    """How one test fared over its recorded runs."""

    __test__ = False

    nodeid: str
    runs: int
    """Executions that gave an answer, reruns included."""
    failed: int
    rate: float
    low: float
    """Lower end of the 95 % interval of the rate (Wilson)."""
    high: float
    suite_runs: int
    """Runs of the suite that came to the test."""
    flaky_runs: int
    """Of these, runs in which it was red and green."""
    mixed_commits: int
    """Commits on which it was red in some runs and green in others, the tree clean in all of them."""
    flips: int
    """Runs in which it was red and green, and changes of colour from one run to the next."""
    flips_per_100_runs: float
    first_seen: str
    """STAMP of the first run in which it was red and green; else of its first failure."""
    last_failed: str
    signatures: tuple[str, ...]
    """Of its failures, the newest first."""

    @property
    def is_flaky(self) -> bool:
        """Whether it was red and green without a change between; else a commit may have done it."""
        return self.flaky_runs > 0 or self.mixed_commits > 0


def flakiness_of(nodeid: str, rows: Sequence[HistoryRow]) -> TestFlakiness | None:
    """Compute the figures of a test from its runs, newest first; None where none of them failed."""
    answered = [row for row in rows if row.runs > 0]
    failing = [row for row in answered if row.failed > 0]
    if not failing:
        return None
    flaky = [row for row in answered if row.outcome.is_flaky]
    steady_colours = [row.outcome.is_red for row in answered if not row.outcome.is_flaky]
    changes_of_colour = sum(one != other for one, other in pairwise(steady_colours))
    flips = len(flaky) + changes_of_colour
    runs = sum(row.runs for row in answered)
    failed = sum(row.failed for row in answered)
    low, high = wilson(failed, runs)
    return TestFlakiness(
        nodeid=nodeid,
        runs=runs,
        failed=failed,
        rate=failed / runs,
        low=low,
        high=high,
        suite_runs=len(answered),
        flaky_runs=len(flaky),
        mixed_commits=_mixed_commits(answered),
        flips=flips,
        flips_per_100_runs=100.0 * flips / len(answered),
        first_seen=(flaky or failing)[-1].stamp,
        last_failed=failing[0].stamp,
        signatures=tuple(dict.fromkeys(row.signature for row in failing if row.signature)),
    )


def _mixed_commits(answered: Sequence[HistoryRow]) -> int:
    """Count the commits on which the same clean tree was red in one run and green in another."""
    colours_of_commit: dict[str, set[bool]] = {}
    for row in answered:
        is_clean = row.dirty is False  # None: nobody knows, and a change may be why the colours differ
        if row.commit is not None and is_clean:
            is_red = row.failed == row.runs
            colours_of_commit.setdefault(row.commit, set()).add(is_red)
    return sum(len(colours) > 1 for colours in colours_of_commit.values())


def record_of(rows: Sequence[HistoryRow]) -> FlakyRecord | None:
    """Return what is on record of a test by its runs, newest first; None where it was flaky in none of them.

    Only red and green within one run count: from one run to the next code, machine or services may differ.
    """
    answered = [row for row in rows if row.runs > 0]
    flaky = [row for row in answered if row.outcome.is_flaky]
    if not flaky:
        return None
    return _record(answered, flaky)


def record_on_commit(rows: Sequence[HistoryRow], commit: str) -> FlakyRecord | None:
    """Return what is on record of a test on one commit, by its runs, newest first; None if it was never red.

    Runs of a tree that differed from the commit, or may have, do not count: the change may be the repair.
    """
    answered = [row for row in rows if row.runs > 0 and row.commit == commit and row.dirty is False]
    red = [row for row in answered if row.failed > 0]
    return _record(answered, red) if red else None


def _record(answered: Sequence[HistoryRow], by_chance: Sequence[HistoryRow]) -> FlakyRecord:
    """Count the executions; `by_chance` are the runs whose failures are put down to it."""
    red_since = list(takewhile(lambda row: row.failed == row.runs, answered))
    green_since = list(takewhile(lambda row: row.failed == 0, answered))
    counted = answered[len(red_since) :]
    return FlakyRecord(
        runs=sum(row.runs for row in counted),
        failed=sum(row.failed for row in counted),
        reds_since=sum(row.runs for row in red_since),
        greens_since=sum(row.runs for row in green_since),
        signatures=frozenset(row.signature for row in by_chance if row.signature),
        first_seen=by_chance[-1].stamp,
    )

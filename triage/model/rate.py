"""How often a test fails, and what that says of reds and greens: rates with their 95 % intervals."""

from __future__ import annotations

from math import ceil, isfinite, log, sqrt

from triage.model.base import Value

_TWO_SIDED_95 = 1.959963984540054
"""Quantile of the normal distribution: 2.5 % lie above it."""
ALPHA = 0.05
"""What is rarer is not put down to chance."""
_ALPHA_OF_STREAKS = 0.001
"""A streak over several runs is looked at after each of them: at 5 % one run in twenty would be wrong."""
_MOST_EXECUTIONS = 20
"""Of a test that fails nearly always no number of runs tells whether it fails always."""


def wilson(failed: int, runs: int, z: float = _TWO_SIDED_95) -> tuple[float, float]:
    """Wilson's score interval for a failure rate (z = 1.96: 95 %); (0, 1) without runs.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference,
    J. Am. Stat. Assoc. 22 (1927) 209-212.
    """
    if runs == 0:
        return 0.0, 1.0
    rate = failed / runs
    shrink = 1 + z * z / runs
    middle = (rate + z * z / (2 * runs)) / shrink
    half = z * sqrt(rate * (1 - rate) / runs + z * z / (4 * runs * runs)) / shrink
    return max(0.0, middle - half), min(1.0, middle + half)


def runs_needed(rate: float, alpha: float = ALPHA) -> int:
    """Green runs after which a failure rate of `rate` would have shown: n >= ln(alpha) / ln(1 - rate)."""
    if not isfinite(rate) or not 0.0 < rate <= 1.0:
        raise ValueError(f"a failure rate lies in (0, 1], not {rate}")
    if rate == 1.0:
        return 1
    return int(-(-log(alpha) // log(1.0 - rate)))


class FlakyRecord(Value):
    """What is on record of a test that was red and green without a change between.

    Counted in executions: one for each run of the suite that came to the test, and its reruns.
    """

    runs: int
    """Up to and with the last green one."""
    failed: int
    """Of `runs`."""
    reds_since: int = 0
    """Executions since the last green one, all red."""
    greens_since: int = 0
    """Of `runs`, those since the last red one."""
    signatures: frozenset[str] = frozenset()
    """Of the failures that are put down to chance: another reason is none."""
    first_seen: str | None = None
    """STAMP of the first run that showed it."""

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of its failure rate."""
        return wilson(self.failed, self.runs)

    def explains(self, reds: int) -> bool:
        """Whether `reds` executions in a row, none of them green, are what its rate lets happen.

        Judged by the upper end of the interval, so that a short record excuses rather than accuses.
        """
        highest = self.interval[1]
        streak = self.reds_since + reds
        return highest**reds >= ALPHA and highest**streak >= _ALPHA_OF_STREAKS

    @property
    def was_steady(self) -> bool:
        """Whether the reds since its last green execution are already too many for chance."""
        return self.reds_since > 0 and self.interval[1] ** self.reds_since < ALPHA

    @property
    def executions_to_exclude_chance(self) -> int:
        """Reds in a row that chance would give less than once in a thousand runs."""
        highest = self.interval[1]
        if highest >= 1.0:
            return _MOST_EXECUTIONS
        return min(_MOST_EXECUTIONS, ceil(log(_ALPHA_OF_STREAKS) / log(highest)))

    @property
    def passes_needed(self) -> int:
        """Greens in a row after which it counts as mended: (1 - rate)^n <= 5 %, and never one.

        The rate is that up to the last red: the greens since then are what is judged by it.
        """
        runs = self.runs - self.greens_since + self.reds_since
        failed = self.failed + self.reds_since
        return max(2, runs_needed(failed / runs)) if failed else 2

    def is_mended(self, greens: int) -> bool:
        """Whether so many greens in this run, with those before it, would be rare at the recorded rate."""
        return self.greens_since + greens >= self.passes_needed

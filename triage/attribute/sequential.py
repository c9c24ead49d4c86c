"""Decide from repeated runs whether a flaky test is in its good or its bad state (Wald's sequential test).

A single run of a flaky test says little: it passes by luck on a bad commit. Runs are repeated until one of
the two states is so much likelier than the other that the error stays below the rule's bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from triage.attribute.answers import Answer

_ERROR = 0.01
"""Probability of a wrong answer at one state; a search asks for a dozen of them."""
_LEAST_RATE, _HIGHEST_RATE = 0.01, 0.99
"""No test is taken to be certain: a rate of 0 or 1 was estimated from a few runs."""
_MOST_RUNS = 40
"""Runs after which a state is called untestable: the test fails too seldom to be followed."""


@dataclass
class SequentialAnswer:
    """The answer that builds up while a flaky test is run again and again at one state."""

    rate_bad: float
    """How often it fails where it is bad, at least: a rate that is too high takes luck for a good state."""
    rate_good: float = 0.0
    """How often it fails where it is good."""
    runs: int = 0
    _evidence: float = 0.0
    """Logarithm of how much likelier the runs are at a bad state than at a good one."""

    def add(self, is_red: bool) -> None:
        """Take one more run into account."""
        bad = _clipped(self.rate_bad)
        # a test that fails as often where it is good cannot be told from itself
        good = min(_clipped(self.rate_good), bad / 2)
        self.runs += 1
        if is_red:
            self._evidence += math.log(bad / good)
        else:
            self._evidence += math.log((1 - bad) / (1 - good))

    @property
    def answer(self) -> Answer | None:
        """Red or green once the runs are enough; untestable where they never are; None: run it again."""
        border = math.log((1 - _ERROR) / _ERROR)
        if self._evidence >= border:
            return Answer.RED
        if self._evidence <= -border:
            return Answer.GREEN
        return Answer.UNTESTABLE if self.runs >= _MOST_RUNS else None


def _clipped(rate: float) -> float:
    return min(max(rate, _LEAST_RATE), _HIGHEST_RATE)

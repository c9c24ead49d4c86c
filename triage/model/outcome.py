"""The one outcome that each planned test has, and how outcomes are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Self

from triage.model.base import Value


class Outcome(StrEnum):
    """Exactly one for each planned test."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    CRASHED = "crashed"
    TIMEOUT = "timeout"
    NOT_RUN = "not_run"

    @property
    def is_red(self) -> bool:
        """Whether the outcome is a failure that belongs to a cluster."""
        return self in RED


RED = frozenset({Outcome.FAILED, Outcome.ERROR, Outcome.CRASHED, Outcome.TIMEOUT})


class Phase(StrEnum):
    """Where in the life of a test a failure happened."""

    COLLECT = "collect"
    SETUP = "setup"
    CALL = "call"
    TEARDOWN = "teardown"


class Counts(Value):
    """How many planned tests have each outcome; they add up to `collected`."""

    collected: int = 0
    passed: int = 0
    failed: int = 0
    error: int = 0
    skipped: int = 0
    xfailed: int = 0
    xpassed: int = 0
    crashed: int = 0
    timeout: int = 0
    not_run: int = 0
    collect_errors: int = 0

    @classmethod
    def of(cls, outcomes: Iterable[Outcome], *, collect_errors: int = 0) -> Self:
        """Count the outcomes of the planned tests; collection errors are counted apart."""
        tally = Counter(outcome.value for outcome in outcomes)
        return cls(collected=tally.total(), collect_errors=collect_errors, **tally)

    @property
    def adds_up(self) -> bool:
        """Whether the outcomes sum to what was collected."""
        return self.collected == sum(int(getattr(self, outcome.value)) for outcome in Outcome)

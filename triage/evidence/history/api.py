"""What a history store promises; `triage.testing.stores` is its conformance kit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from triage.model.base import Value
from triage.model.outcome import Outcome
from triage.model.run import RunRecord

DURATION_WEIGHT = 0.3
"""Weight of the newest run in the exponentially weighted duration of a test."""


class HistoryRow(Value):
    """How one test fared in one run."""

    stamp: str
    campaign: str
    commit: str | None
    outcome: Outcome
    duration: float | None
    signature: str | None
    """Of its first failure."""
    runs: int = 1
    """How often it ran in that run and gave an answer, reruns included."""
    failed: int = 0
    """Of `runs`."""
    dirty: bool | None = None
    """Whether the tree differed from the commit; None where nobody knows."""


class HistoryStore(Protocol):
    """The history of outcomes: a view, which can be deleted and filled again from the evidence."""

    def record(self, run: RunRecord, *, commit: str | None, signatures: Mapping[str, str]) -> None:
        """Add a run; a run of the same campaign and STAMP is replaced."""

    def durations(self) -> dict[str, float]:
        """Exponentially weighted seconds of each test that ever finished."""

    def history(self, nodeid: str, limit: int = 50) -> Sequence[HistoryRow]:
        """The newest runs of one test, newest first."""

    def unsteady(self) -> Sequence[str]:
        """Node ids of tests that were flaky in some run, or red in some and green in others."""

    def close(self) -> None:
        """Let go of the file or the connection."""

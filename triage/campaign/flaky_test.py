"""A flaky test as documents show it; apart from `flaky_tests.py`: who only shows one loads no rules."""

from __future__ import annotations

from triage.evidence.history.flakiness import TestFlakiness
from triage.model.quarantine import Quarantine


class FlakyTest(TestFlakiness):
    """The figures of a test, and what the journal says of its failures."""

    clusters: tuple[str, ...] = ()
    last_cause: str | None = None
    """What the latest probe of one of its clusters found."""
    quarantine: Quarantine | None = None

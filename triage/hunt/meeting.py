"""Tests that are in the way of themselves: red where the same test runs in another process at once."""

from __future__ import annotations

from collections.abc import Sequence

from triage.hunt.state import Hunt


def meet_themselves(hunt: Hunt, nodeids: Sequence[str]) -> list[str]:
    """Those of some tests that are red where each runs alone in two processes side by side."""
    meeting: set[str] = set()
    for nodeid in nodeids:
        orders = [(nodeid,)] * max(2, hunt.request.workers)
        hunt.warm.run_all(orders, lambda _number, seen: meeting.update(filter(seen.red, seen.order)))
    return sorted(meeting)

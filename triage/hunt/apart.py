"""Tests that run apart: behind some common tests each in a child process of its own. Pure.

So one process says of every test what the common ones do to it, and none of them is in the way of another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from triage.hunt.seen import SeenRun
from triage.lab.protocol import Observation


@dataclass(frozen=True, kw_only=True)
class Apart:
    """What runs together, and what apart."""

    here: tuple[str, ...] = ()
    """In the common process, in this order."""
    first_time: tuple[str, ...] = ()
    """Apart, behind those."""
    again: tuple[str, ...] = ()
    """Those of the common ones that run once more, apart."""
    is_twice: bool = False
    """Whether each test that is apart runs twice in its child."""

    @property
    def together(self) -> int:
        """Items that share a child."""
        return 2 if self.is_twice else 1

    @property
    def instruments(self) -> dict[str, dict[str, Any]]:
        """Those that add the second runs."""
        if self.is_twice:
            return {"twice": {"on": True}}
        return {"twice": {"again": list(self.again)}} if self.again else {}


@dataclass(frozen=True)
class Observed:
    """What such a process gave: the first time that each test ran, and the second time."""

    first: Observation
    second: Observation
    left_files: bool
    """Whether files were left or lost, which the children have in common."""

    def runs(self, arm: str, apart: Apart) -> list[SeenRun]:
        """What it says of each test behind the common ones."""
        common = tuple(nodeid for nodeid in apart.here if nodeid in self.first.outcomes)
        found = []
        for seen, wanted in ((self.first, apart.first_time), (self.second, apart.again)):
            ran = tuple(nodeid for nodeid in wanted if nodeid in seen.order)
            if ran:
                outcomes = {nodeid: seen.outcomes[nodeid] for nodeid in ran}
                only = seen.model_copy(update={"outcomes": outcomes, "order": (*common, *ran)})
                found.append(SeenRun.of(arm, only).model_copy(update={"apart": len(common)}))
        return found

    def singles(self, arm: str) -> list[SeenRun]:
        """Each test with nothing before it: a run of its own, where nothing is common."""
        return [
            SeenRun.of(
                arm,
                self.first.model_copy(
                    update={"order": (nodeid,), "outcomes": {nodeid: self.first.outcomes[nodeid]}}
                ),
            ).model_copy(update={"seconds": round(self.first.durations.get(nodeid, 0.0), 3)})
            for nodeid in self.first.order
        ]

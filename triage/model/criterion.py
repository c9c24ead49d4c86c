"""Exit criteria: what to run, in which scope, what must hold, how often, and what passing still allows."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Literal

from pydantic import Field

from triage.model.base import Value

CriterionKind = Literal[
    "passes", "measures", "executes", "no-new-failures", "docstring", "ledgers",
    "red-before", "members", "change", "tests",
]  # fmt: skip
"""The last four are of a cluster that nobody designed a repair for: they compare it with its failing runs."""


class Scope(StrEnum):
    """What surrounds the test while it is checked: a fix that holds alone may not hold in the suite."""

    ALONE = "alone"
    CONTEXT = "context"
    """Behind the tests that made it fail, in that order."""
    FILE = "file"
    CHUNK = "chunk"
    SUITE = "suite"
    NONE = "none"
    """Nothing is run."""


class Bound(Value):
    """A measured quantity and the value above which it must lie."""

    quantity: str
    """`loss`, or the name of a leaf whose gradient is meant."""
    above: float
    magnitude: bool = True
    """Whether the sign does not matter."""
    origin: str = ""
    """Where the bound comes from."""

    def holds(self, value: float | None) -> bool:
        """Whether a measured value satisfies the bound; a missing or non-finite one does not."""
        if value is None or not math.isfinite(value):
            return False
        measured = abs(value) if self.magnitude else value
        return measured > self.above


class Conditions(Value):
    """How a recorded run started its processes, where a criterion runs tests as that run did."""

    env: dict[str, str | None] = {}
    """Set (None: unset) on top of what the settings say now."""
    pytest_args: tuple[str, ...] | None = None
    """Instead of the settings' arguments; None where the run is too old to tell."""
    seed: int | None = None
    test_timeout: float | None = None


class Criterion(Value):
    """One executable condition for closing a cluster."""

    name: str
    kind: CriterionKind
    text: str
    """The condition as a sentence."""
    scope: Scope
    nodeids: tuple[str, ...] = ()
    """What is run, in this order; empty in the suite scope means everything."""
    imports: tuple[str, ...] = ()
    """Test files that are imported first, though none of their tests is run."""
    watched: tuple[str, ...] = ()
    """Of these, the tests that must pass; empty where they are the subject."""
    apart: bool = False
    """Whether each of `nodeids` runs in a process of its own; a run is then one process for each."""
    twice: bool = False
    """Whether each test runs twice in one process."""
    workers: int | None = None
    """In how many workers of pytest-xdist the tests run, at once; None for one process."""
    distribution: str = "load"
    """How pytest-xdist gives the tests to its workers, as `--dist` names it."""
    conditions: Conditions | None = None
    """None runs under the settings as they are."""
    runs: int = Field(default=1, ge=0)
    allowed_rate: float | None = None
    """Failure rate that so many passes do not exclude (95 %, one-sided); None where nothing is run."""
    bounds: tuple[Bound, ...] = ()
    tolerated: tuple[str, ...] = ()
    """Tests that failed before for other reasons and may go on failing."""
    mentions: tuple[str, ...] = ()
    """Words of which the docstring must name at least one."""
    lines: tuple[str, ...] = ()
    """Product lines, as `path: text`, each of which runs unless the repair has changed it."""
    command: str = ""
    """Paste-able."""


class CriterionResult(Value):
    """What checking a criterion gave."""

    name: str
    met: bool
    said: str
    """The finding as a sentence."""
    runs: int = 0
    passed: int = 0
    allowed_rate: float | None = None
    seconds: float = 0.0
    evidence: tuple[str, ...] = ()


_DOUBT = 0.05
"""Probability of so many passes at a failure rate that is called excluded: 95 % confidence, one-sided."""


def allowed_rate(runs: int) -> float | None:
    """The highest failure rate that `runs` passes leave possible: 1 - 0.05^(1/n); None where nothing ran."""
    if runs <= 0:
        return None
    return 1.0 - math.pow(_DOUBT, 1.0 / runs)

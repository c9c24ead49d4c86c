"""What the base is asked with: the same parts as the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from triage.cluster.groups import Signer
from triage.evidence.folder import EvidenceFolder
from triage.model.base import Progress, World
from triage.model.outcome import Outcome
from triage.model.run import Suite
from triage.process.api import Executor

FOLDER = "base"
"""In the STAMP folder of the run: `base.json`, `commands.txt`, `runs/`."""

OnRecord = Callable[[Sequence[str], str], Mapping[str, Outcome]]
"""Outcomes of tests in earlier runs of a commit."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Everything that judging a run needs besides the run and the commit."""

    root: Path
    output: Path
    """Where `.triage/` lies."""
    suite: Suite
    folder: EvidenceFolder
    """Of the run."""
    executor: Executor
    world: World
    progress: Progress
    signer: Signer
    on_record: OnRecord
    budget: float | None
    """Seconds for everything; None is no limit."""

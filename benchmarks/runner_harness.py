"""Run a suite under triage and nothing more: started by `benchmarks.runner` as a process of its own.

Arguments: ROOT WORKERS ISOLATION CHUNKS (0: as many as the plan gives).
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

from triage.evidence.folder import EvidenceFolder
from triage.model.base import Silent, World
from triage.model.run import Suite
from triage.process.local import LocalExecutor
from triage.run.suite import run_suite
from triage.text.redact import Redactor


def run(root: Path, workers: int, isolation: Literal["warm", "fresh"], chunks: int | None) -> None:
    """Run it; a run that is not complete and green would make the figures worthless."""
    world = World(now=lambda: datetime.now(UTC), monotonic=time.monotonic, environ=dict(os.environ))
    redactor = Redactor.of(os.environ)
    record = run_suite(
        Suite(root=str(root), workers=workers, isolation=isolation, chunks=chunks),
        folder=EvidenceFolder.create_free(root, "bench", "a", world.stamp(), redactor),
        executor=LocalExecutor(),
        world=world,
        durations={},
        progress=Silent(),
    )
    if not record.complete or record.counts.passed != record.counts.collected:
        sys.exit(f"the run under measurement is not green: {record.void}")


if __name__ == "__main__":
    run(
        Path(sys.argv[1]),
        workers=int(sys.argv[2]),
        isolation=cast(Literal["warm", "fresh"], sys.argv[3]),
        chunks=int(sys.argv[4]) or None,
    )

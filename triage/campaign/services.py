"""The parts that every phase works with, chosen by the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from triage.cluster.groups import Signer
from triage.cluster.registry import ClusterRegistry
from triage.config import Settings
from triage.errors import VoidError
from triage.evidence.atomic import disk_error
from triage.evidence.history.api import HistoryStore
from triage.evidence.journal import Journal
from triage.model.base import Progress, Silent, World
from triage.process.api import Executor
from triage.signature.api import signatures_of

LOCK_SECONDS = 120
"""A decision takes a second; who waits longer waits for a process that hangs."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """Root, settings, world and the concrete parts that the composition root chose."""

    root: Path
    settings: Settings
    world: World
    executor: Executor
    journal: Journal
    redact: Callable[[str], str]
    open_store: Callable[[], HistoryStore]
    progress: Progress = field(default_factory=Silent)
    signer: Signer = signatures_of
    """Signatures of a failure, the current algorithm's first."""

    def registry(self) -> ClusterRegistry:
        """What the journal says now."""
        return ClusterRegistry.of(self.journal.read())

    @contextmanager
    def decision_lock(self) -> Iterator[None]:
        """Only one process of this project allots ids and renders ledgers at a time."""
        path = self.root / ".triage" / "decision.lock"
        try:
            path.parent.mkdir(exist_ok=True)
            lock = FileLock(path, timeout=LOCK_SECONDS)
            lock.acquire()
        except Timeout as error:
            raise VoidError(
                "busy", f"another triage has held {path} for {LOCK_SECONDS} s", "wait for it, or end it"
            ) from error
        except OSError as error:
            raise disk_error(error, path) from error
        try:
            yield
        finally:
            lock.release()

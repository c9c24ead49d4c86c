"""The parts that every phase works with, chosen by the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from triage.campaign.journal_snapshot import present_registry
from triage.cluster.groups import Signer
from triage.cluster.registry import ClusterRegistry
from triage.config import Settings
from triage.evidence import manifest
from triage.evidence.atomic import locked_file
from triage.evidence.folder import EvidenceFolder
from triage.evidence.history.api import HistoryStore
from triage.evidence.journal import Journal
from triage.evidence.places import state_folder
from triage.model.base import Progress, Silent, World
from triage.model.failure import Failure
from triage.model.journal import (
    AttemptRecorded,
    CriterionMet,
    Event,
    RunRecorded,
    StatusChanged,
    with_evidence,
)
from triage.model.signature import Signature
from triage.process.api import Executor

LOCK_SECONDS = 120
"""A decision takes a second; who waits longer waits for a process that hangs."""


def signatures_when_needed(failure: Failure) -> tuple[Signature, ...]:
    """As `signatures_of`, which is imported for the first failure: most runs have none."""
    from triage.signature.api import signatures_of

    return signatures_of(failure)


@dataclass(frozen=True, kw_only=True)
class Services:
    """Root, settings, world and the concrete parts that the composition root chose."""

    root: Path
    """The suite's: code, settings, people's rules."""
    output: Path
    """What reports/, plans/ and .triage/ lie beneath: the root, unless a setting names another folder."""
    settings: Settings
    world: World
    executor: Executor
    journal: Journal
    redact: Callable[[str], str]
    open_store: Callable[[], HistoryStore]
    progress: Progress = field(default_factory=Silent)
    signer: Signer = signatures_when_needed
    """Signatures of a failure, the current algorithm's first."""

    def registry(self) -> ClusterRegistry:
        """What the journal says now; what two branches did apart is mended in it."""
        return present_registry(self.output, self.journal)

    def append(self, before: ClusterRegistry, events: Iterable[Event]) -> tuple[Event, ...]:
        """Append what mends the journal and what was decided; gives both, with the seals of their evidence.

        `before` is the registry that the decision was made on, under the same `decision_lock`.
        """
        new = tuple(self._with_seals(event) for event in (*before.mending, *events))
        self.journal.append(new)
        return new

    def _with_seals(self, event: Event) -> Event:
        """The event with the digest of each manifest of the folders that its evidence lies in."""
        if not isinstance(event, AttemptRecorded | StatusChanged | CriterionMet | RunRecorded):
            return event
        seals = {}
        for path in event.evidence:
            folder = EvidenceFolder.holding(self.output, path)
            if folder is not None and folder.sealed:
                seals[folder.relative(self.output)] = manifest.read(folder.path).digest
        return with_evidence(event, seals) if seals else event

    @contextmanager
    def decision_lock(self) -> Iterator[None]:
        """Only one process of this project allots ids and renders ledgers at a time."""
        with locked_file(state_folder(self.output) / "decision.lock", timeout=LOCK_SECONDS):
            yield

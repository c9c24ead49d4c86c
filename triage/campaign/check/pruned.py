"""What `triage prune` removed, by the journal: folders that are gone, and no tampering."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from triage.documents.ledgers import JOURNAL
from triage.model.journal import Event, EvidencePruned
from triage.text.plural import counted_noun


@dataclass(frozen=True)
class PrunedEvidence:
    """Every folder that an event says was pruned."""

    digests: Mapping[str, frozenset[str]]
    """Folder, relative to the output, to the digests of the manifests that it had."""
    times: int
    """How often something was pruned."""

    @classmethod
    def of(cls, events: Iterable[Event]) -> PrunedEvidence:
        """Gather them from the journal."""
        found: dict[str, frozenset[str]] = {}
        times = 0
        for event in events:
            if not isinstance(event, EvidencePruned):
                continue
            times += 1
            for folder, digest in event.folders.items():
                found[folder] = found.get(folder, frozenset()) | {digest}
        return cls(found, times)

    def has(self, folder: str, digest: str) -> bool:
        """Whether the folder was pruned as it was sealed with this digest."""
        return digest in self.digests.get(folder, ())

    def notes(self, root: Path) -> Iterator[str]:
        """What is no fault, and yet to be known."""
        gone = [name for name in self.digests if not (root / name).is_dir()]
        if gone:
            folders = counted_noun(len(gone), "STAMP folder")
            yield f"{folders} pruned in {counted_noun(self.times, 'step')}: {JOURNAL} has their seals"
        for name in sorted(self.digests.keys() - set(gone)):
            yield f"{name} is said to be pruned and is there: `triage prune` removes it"

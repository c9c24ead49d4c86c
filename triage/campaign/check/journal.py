"""Check the journal: its chain, and that the evidence which its events cite says what they say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from triage.campaign.check.folders import Vouchers
from triage.campaign.check.pruned import PrunedEvidence
from triage.cluster.mending import mended
from triage.cluster.registry import ClusterRegistry
from triage.documents.folder_check import Checked
from triage.documents.ledgers import JOURNAL
from triage.errors import TriageError
from triage.evidence import manifest
from triage.evidence.chain import chain_faults, unchained
from triage.evidence.folder import EvidenceFolder
from triage.evidence.journal import JournalFile
from triage.evidence.packed import read_record_bytes
from triage.model.cluster import ClusterStatus
from triage.model.experiment import HUNT_FILE
from triage.model.journal import (
    CHAINED,
    AttemptRecorded,
    ClusterOpened,
    ClusterRenumbered,
    ClustersMerged,
    CriterionMet,
    Event,
    FlakySeen,
    MembersAdded,
    RunRecorded,
    SignatureAdded,
    StatusChanged,
)
from triage.model.outcome import Outcome

Citing = AttemptRecorded | StatusChanged | CriterionMet | RunRecorded

_DOCUMENT_OF_PHASE = {"a": "results.json", "b": "probe.json", "c": "design.json", "d": "verify.json"}
_PHASE_OF_STATUS = {
    ClusterStatus.PROBED: "b",
    ClusterStatus.DESIGNED: "c",
    ClusterStatus.RESOLVED: "d",
}
"""The phase whose evidence a status needs."""


def check_journal(root: Path, checked: Checked, vouchers: Vouchers | None = None) -> ClusterRegistry | None:
    """Check every event; gives the state that they add up to, None where the journal cannot be read."""
    try:
        written = (vouchers or Vouchers(root)).journal
        registry = mended(written.events)
    except TriageError as error:
        checked.fault(JOURNAL, error.what)
        return None
    for line, what in chain_faults(written.links):
        checked.fault(JOURNAL, what, line)
    checked.notes += _notes(written, registry)
    pruned = PrunedEvidence.of(registry.decisions)
    checked.notes += pruned.notes(root)
    cited = _Evidence(root, registry, pruned)
    for link in written.links:
        event = link.event
        if isinstance(event, Citing):
            for what in cited.faults(event):
                checked.fault(JOURNAL, f"{_subject(event)}: {what}", link.line)
    runs = _Runs(root)
    for link in written.links:
        for what in runs.faults(link.event):
            checked.fault(JOURNAL, what, link.line)
    hunts = {folder.stamp for folder in EvidenceFolder.all(root, phase="b") if _is_hunt(folder)}
    for stamp, first in _stamps(registry).items():
        if stamp not in runs.folders and stamp not in hunts:
            checked.fault(JOURNAL, f"{first} was seen in run {stamp}, whose folder is gone")
    _check_resolutions(registry, checked)
    for folder, what in (*_unknown_to_journal(root, registry), *_sealed_after_missing_lines(root, written)):
        checked.fault(folder.relative(root), what)
    checked.notes += _unrecorded_seals(root, registry)
    return registry


def _is_hunt(folder: EvidenceFolder) -> bool:
    """Whether the folder is that of a hunt, which shows clusters without a run."""
    return (folder.path / HUNT_FILE).is_file()


def _notes(written: JournalFile, registry: ClusterRegistry) -> Iterator[str]:
    """What is no fault, and yet to be known: it is mended by the next command that writes."""
    old = unchained(written.links)
    if old:
        events = "1 event is" if old == 1 else f"{old} events are"
        yield f"{JOURNAL}: {events} older than the chain"
    if written.has_conflict:
        yield f"{JOURNAL} holds conflict marks of git; both sides of each count"
    for event in registry.mending:
        if isinstance(event, ClusterRenumbered):
            yield f"{JOURNAL}: two branches allotted {event.cluster}; the younger is shown as {event.new}"
        elif isinstance(event, ClustersMerged):
            yield f"{JOURNAL}: {event.cluster} has the failure of {event.into}, and is shown as part of it"


def _subject(event: Citing) -> str:
    return f"run {event.stamp}" if isinstance(event, RunRecorded) else event.cluster


def _stamps(registry: ClusterRegistry) -> dict[str, str]:
    """Each run in which a cluster was seen, with the first cluster that says so."""
    found: dict[str, str] = {}
    for event in registry.events:
        match event:
            case ClusterOpened() | SignatureAdded() | MembersAdded() | FlakySeen():
                found.setdefault(event.stamp, event.cluster)
            case StatusChanged(stamp=str() as stamp, evidence=()):
                found.setdefault(stamp, event.cluster)
    return found


class _Evidence:
    """The evidence that events cite, each document read once."""

    def __init__(self, root: Path, registry: ClusterRegistry, pruned: PrunedEvidence) -> None:
        self._root = root
        self._registry = registry
        self._pruned = pruned
        self._number_of = {opening: number for number, opening in registry.lineage.items()}
        self._documents: dict[str, Mapping[str, Any] | None] = {}
        self._digests: dict[str, str | None] = {}

    def faults(self, event: Citing) -> Iterator[str]:
        """What the evidence of an event says otherwise, or does not say at all."""
        if isinstance(event, RunRecorded) and self._is_pruned(event):
            return
        for path in event.evidence:
            yield from self._faults_of_file(path, event)
        for folder, digest in event.manifests.items():
            if self._digest(folder) not in (digest, None):
                yield f"evidence {folder} was sealed again after it was cited"
        phase = _phase(event)
        if phase is None:
            return
        if not event.evidence:
            yield f"{_claim(event)} without evidence"
            return
        document = self._document(event.evidence[0], phase)
        if document is None:
            yield f"{_claim(event)}, and {event.evidence[0]} is no evidence of phase {phase.upper()}"
            return
        if not isinstance(event, RunRecorded):
            yield from self._faults_of_document(event, phase, document)

    def _is_pruned(self, event: RunRecorded) -> bool:
        """Whether the run is gone that registered itself, and the journal says so of the same seal."""
        folders = event.manifests.items()
        return bool(folders) and all(
            self._pruned.has(name, digest) and not (self._root / name).exists() for name, digest in folders
        )

    def _faults_of_file(self, path: str, event: Citing) -> Iterator[str]:
        """Evidence must be there, and finished."""
        if not (self._root / path).exists():
            yield f"evidence {path} is missing"
            return
        folder = EvidenceFolder.holding(self._root, path)
        if folder is None:
            return
        if not folder.sealed:
            yield f"evidence {path} is in a folder that is not sealed"
        elif event.v >= CHAINED and folder.relative(self._root) not in event.manifests:
            yield f"the seal of its evidence {path} is not named"

    def _faults_of_document(self, event: Citing, phase: str, document: Mapping[str, Any]) -> Iterator[str]:
        """The evidence must be of this cluster and this run, and give what the event states."""
        path = event.evidence[0]
        folder = EvidenceFolder.holding(self._root, path)
        if event.stamp is not None and folder is not None and folder.stamp != event.stamp:
            yield f"{_claim(event)} in {event.stamp}, and its evidence is of {folder.stamp}"
        named = str(document.get("cluster"))
        if not self._is_same_cluster(event, named):
            yield f"{_claim(event)}, and {path} is evidence of {named}"
            return
        if isinstance(event, CriterionMet):
            yield from _faults_of_criterion(event, path, document)
        elif isinstance(event, StatusChanged) and not _supports(event.status, phase, document):
            yield f"{_claim(event)}, and {path} does not say so"

    def _is_same_cluster(self, event: Citing, named: str) -> bool:
        """Whether evidence that names a cluster by its number of then is about the cluster of an event.

        Written together they have the same number. Both may have been renumbered or merged since.
        """
        assert not isinstance(event, RunRecorded)
        if event.cluster == named:
            return True
        own = self._number_of.get(event.opening or "", event.cluster)
        if not {own, named} <= self._registry.clusters.keys():
            return False
        return self._registry.resolve(own) == self._registry.resolve(named)

    def _document(self, path: str, phase: str) -> Mapping[str, Any] | None:
        """A document of evidence by its path; None where the phase has no such document."""
        folder = EvidenceFolder.holding(self._root, path)
        if folder is None or folder.phase != phase or Path(path).name != _DOCUMENT_OF_PHASE[phase]:
            return None
        if path not in self._documents:
            self._documents[path] = _json(self._root / path)
        return self._documents[path]

    def _digest(self, folder: str) -> str | None:
        if folder not in self._digests:
            try:
                self._digests[folder] = manifest.read(self._root / folder).digest
            except TriageError:
                self._digests[folder] = None  # a fault of its own
        return self._digests[folder]


class _Runs:
    """What the runs of phase A gave, each read once."""

    def __init__(self, root: Path) -> None:
        self.folders: dict[str, list[EvidenceFolder]] = {}
        for folder in EvidenceFolder.all(root, phase="a"):
            self.folders.setdefault(folder.stamp, []).append(folder)
        self._outcomes: dict[str, dict[str, set[Outcome]] | None] = {}

    def faults(self, event: Event) -> Iterator[str]:
        """Tests that an event says were seen to fail, and whose run says otherwise."""
        match event:
            case ClusterOpened(latent=True):
                return  # seen in a hunt; its own evidence says how
            case ClusterOpened() | MembersAdded():
                outcomes = self._of(event.stamp)
                for nodeid in event.members if outcomes is not None else ():
                    if not any(outcome.has_failures for outcome in (outcomes or {}).get(nodeid, ())):
                        yield f"{event.cluster}: {nodeid} did not fail in run {event.stamp}"
            case FlakySeen():
                outcomes = self._of(event.stamp)
                if outcomes is not None and Outcome.FLAKY not in outcomes.get(event.nodeid, ()):
                    yield f"{event.cluster}: {event.nodeid} was not flaky in run {event.stamp}"

    def _of(self, stamp: str) -> dict[str, set[Outcome]] | None:
        """Outcomes by node id; None where no record of the run can be read."""
        if stamp not in self._outcomes:
            self._outcomes[stamp] = _outcomes(self.folders.get(stamp, ()))
        return self._outcomes[stamp]


def _outcomes(folders: Iterable[EvidenceFolder]) -> dict[str, set[Outcome]] | None:
    found: dict[str, set[Outcome]] = {}
    is_read = False
    for folder in folders:
        record = _json(folder.path / "results.json")
        try:
            rows = (*record["results"], *record["collect_errors"]) if record is not None else ()
            for row in rows:
                found.setdefault(row["nodeid"], set()).add(Outcome(row["outcome"]))
        except (KeyError, TypeError, ValueError):
            continue  # a fault of its own
        is_read = is_read or record is not None
    return found if is_read else None


def _phase(event: Citing) -> str | None:
    """The phase whose evidence an event needs; None where it needs none."""
    match event:
        case AttemptRecorded():
            return event.phase
        case StatusChanged():
            opened_again = event.status is ClusterStatus.OPEN and bool(event.evidence)
            return "d" if opened_again else _PHASE_OF_STATUS.get(event.status)
        case CriterionMet():
            return "d"
        case RunRecorded():
            return "a"


def _claim(event: Citing) -> str:
    match event:
        case AttemptRecorded():
            return f"an attempt of phase {event.phase.upper()}"
        case StatusChanged():
            return f"is said to be {event.status.value} since {event.at}"
        case CriterionMet():
            return f"criterion {event.criterion} is said to be met"
        case RunRecorded():
            return "is said to be recorded"


def _faults_of_criterion(event: CriterionMet, path: str, document: Mapping[str, Any]) -> Iterator[str]:
    rows = [row for row in document.get("results", ()) if row.get("name") == event.criterion]
    stated = (True, event.scope, event.runs)
    if [(row.get("met"), row.get("scope"), row.get("runs")) for row in rows] != [stated]:
        yield f"{_claim(event)} in scope {event.scope} by {event.runs} runs, and {path} does not say so"


def _supports(status: ClusterStatus, phase: str, document: Mapping[str, Any]) -> bool:
    """Whether a document of evidence gives this status."""
    match phase:
        case "b":
            return (document.get("root_cause") or {}).get("confidence") in ("proven", "likely")
        case "c":
            return document.get("recommended") is not None
        case "d":
            return document.get("resolved") is (status is ClusterStatus.RESOLVED)
    return False


def _check_resolutions(registry: ClusterRegistry, checked: Checked) -> None:
    """A cluster is resolved by its criteria, not by a person's word."""
    met = {(event.cluster, event.stamp) for event in registry.decisions if isinstance(event, CriterionMet)}
    for event in registry.decisions:
        if not isinstance(event, StatusChanged) or event.status is not ClusterStatus.RESOLVED:
            continue
        if (event.cluster, event.stamp) not in met:
            checked.fault(JOURNAL, f"{event.cluster} was resolved at {event.at}, and no criterion was met")


def _unknown_to_journal(root: Path, registry: ClusterRegistry) -> Iterator[tuple[EvidenceFolder, str]]:
    """Sealed evidence that the journal does not tell of: somebody took its events out."""
    mentioned = {stamp for event in registry.events if (stamp := getattr(event, "stamp", None))}
    signatures = _all_signatures(registry.events)
    latest: dict[str, tuple[EvidenceFolder, bool]] = {}
    for folder in EvidenceFolder.all(root):
        name = "clusters.json" if folder.phase == "a" else _DOCUMENT_OF_PHASE.get(folder.phase)
        document = _json(folder.path / name) if name and folder.sealed else None
        if document is None:
            continue  # a fault of its own, or a folder of another kind
        if folder.phase != "a":
            for what in _missing_events(folder, document, registry):
                yield folder, what
            if folder.phase == "d":
                latest[str(document.get("cluster"))] = (folder, bool(document.get("resolved")))
        elif document.get("in_journal", folder.stamp in mentioned):
            for cluster in _erased(document, registry, signatures):
                yield folder, f"lists {cluster}, which is not in the journal"
    for cluster_id, (folder, resolved) in latest.items():
        known = registry.clusters.get(cluster_id)
        if known is not None and known.status is ClusterStatus.RESOLVED and not resolved:
            yield folder, f"says that {cluster_id} fails its criteria, and the journal that it is resolved"


def _sealed_after_missing_lines(root: Path, written: JournalFile) -> Iterator[tuple[EvidenceFolder, str]]:
    """Folders whose seal names a last line of the journal that is not there: no line tells of the last."""
    present = {link.digest for link in written.links}
    told = {name for link in written.links for name in link.names}
    for folder in EvidenceFolder.all(root):
        try:
            named = manifest.read(folder.path).journal if folder.sealed else ()
        except TriageError:
            continue  # a fault of its own
        for digest in named:
            if digest not in present and digest not in told:
                yield folder, f"was sealed after a line of {JOURNAL} ({digest}) that was changed or removed"


def _unrecorded_seals(root: Path, registry: ClusterRegistry) -> Iterator[str]:
    """Runs with events whose seal the journal lacks: they were killed just then, or that line was removed."""
    recorded = {event.stamp for event in registry.decisions if isinstance(event, RunRecorded)}
    opened = {event.stamp for event in registry.events if isinstance(event, ClusterOpened | MembersAdded)}
    unrecorded = opened - recorded
    for folder in EvidenceFolder.all(root, phase="a"):
        if folder.stamp in unrecorded and folder.sealed and manifest.read(folder.path).journal:
            yield f"{folder.relative(root)}: its seal is not in {JOURNAL}"


def _missing_events(
    folder: EvidenceFolder, document: Mapping[str, Any], registry: ClusterRegistry
) -> Iterator[str]:
    """The attempt of a phase; of a verification that met every criterion, the resolution too."""
    named = document.get("cluster")
    if not named:
        return  # a test was probed that no cluster has
    own = [event for event in registry.events if getattr(event, "stamp", None) == folder.stamp]
    if not any(isinstance(event, AttemptRecorded) and event.phase == folder.phase for event in own):
        yield f"is about {named}, and the journal has no attempt of it"
    statuses = {event.status for event in own if isinstance(event, StatusChanged)}
    if folder.phase == "d" and document.get("resolved") and ClusterStatus.RESOLVED not in statuses:
        yield f"says that {named} is resolved, and the journal does not"


def _json(path: Path) -> Mapping[str, Any] | None:
    try:
        read = json.loads(read_record_bytes(path))
    except (OSError, ValueError):
        return None
    return read if isinstance(read, dict) else None


def _erased(document: Mapping[str, Any], registry: ClusterRegistry, signatures: set[str]) -> Iterator[str]:
    """Clusters of a run that the journal knows neither by number nor by signature."""
    for cluster in document.get("clusters", ()):
        own = set(cluster.get("signatures", ()))
        is_known = bool(own & signatures) if own else cluster["id"] in registry.clusters
        if not is_known:
            yield cluster["id"]


def _all_signatures(events: Iterable[Event]) -> set[str]:
    found: set[str] = set()
    for event in events:
        if isinstance(event, ClusterOpened):
            found.update(event.signatures)
        elif isinstance(event, SignatureAdded):
            found.add(event.signature)
    return found

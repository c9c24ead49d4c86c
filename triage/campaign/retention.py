"""Decide which STAMP folders may go: finished, no longer new, and cited by nothing that is kept.

What a run registers of itself (`RunRecorded`) is no citation: every run does it. Everything else that the
journal tells of a folder is one, and so are documents with claims, the ledgers, and other kept evidence.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from triage.campaign.recorded import read_clusters
from triage.campaign.retention_plan import KeptFolder, PrunedFolder, RetentionPlan
from triage.cluster.registry import ClusterRegistry
from triage.documents.claims import SUFFIX
from triage.errors import CheckError, TriageError
from triage.evidence import manifest
from triage.evidence.folder import REPORTS, EvidenceFolder
from triage.evidence.places import PLANS
from triage.model.base import STAMP_FORMAT
from triage.model.cluster import ClusterStatus
from triage.model.journal import EvidencePruned, RunRecorded

_FOLDER = re.compile(rf"{REPORTS}/[A-Za-z0-9][A-Za-z0-9._-]*/phase_[a-z]/[0-9]{{8}}T[0-9]{{6}}Z")
"""A STAMP folder as documents and evidence name it."""
_STAMP = re.compile(r"\b[0-9]{8}T[0-9]{6}Z\b")
_ELSEWHERE = frozenset({"node_modules", "venv", "env", "site-packages", "__pycache__"})
"""Folders in which nobody keeps reports of a suite; those with a dot in front are left out too."""

_Folders = dict[str, EvidenceFolder]
"""Folders by their names in documents, oldest first."""
_Reasons = Iterator[tuple[str, str]]
"""Name of a folder, and why it stays."""


@dataclass(frozen=True)
class Policy:
    """How long evidence is kept that nothing cites: as long as either of the two holds."""

    days: int
    """Younger folders stay."""
    runs: int
    """So many newest folders of each campaign and phase stay."""


def retention_plan(
    root: Path, output: Path, registry: ClusterRegistry, policy: Policy, now: datetime
) -> RetentionPlan:
    """Decide for every STAMP folder beneath `output`; `root` is where documents are looked for, too."""
    folders = {folder.relative(output): folder for folder in EvidenceFolder.all(output)}
    reasons: dict[str, str] = {}
    _note(reasons, _not_finished(folders))
    _note(reasons, _new(folders, policy, now))
    _note(reasons, _cited_by_journal(folders, registry))
    _note(reasons, _of_open_clusters(folders, registry))
    _note(reasons, _cited_by_documents(root, output, folders))
    candidates = {name: folder for name, folder in folders.items() if name not in reasons}
    _note(reasons, _not_as_sealed(candidates, registry))
    _add_cited_by_kept(folders, reasons)
    pruned = [_pruned(name, folder) for name, folder in folders.items() if name not in reasons]
    kept = [KeptFolder(folder=name, reason=reasons[name]) for name in folders if name in reasons]
    return RetentionPlan(pruned=tuple(pruned), kept=tuple(kept))


def _note(reasons: dict[str, str], found: _Reasons) -> None:
    """Add what was found of folders that have no reason yet to stay."""
    for name, reason in found:
        reasons.setdefault(name, reason)


def _pruned(name: str, folder: EvidenceFolder) -> PrunedFolder:
    seal = manifest.read(folder.path)
    size = sum(entry.bytes or 0 for entry in seal.files.values())
    return PrunedFolder(folder=name, digest=seal.digest, bytes=size)


def _not_finished(folders: _Folders) -> _Reasons:
    """Folders that somebody works on, or that can be resumed."""
    for name, folder in folders.items():
        if not folder.sealed:
            yield name, "is worked on now" if folder.in_use else "was cut short: `triage doctor`"


def _new(folders: _Folders, policy: Policy, now: datetime) -> _Reasons:
    """The newest of each campaign and phase, and all that are younger than some days."""
    groups: dict[Path, list[str]] = defaultdict(list)
    for name, folder in folders.items():
        groups[folder.path.parent].append(name)
    for names in groups.values():
        for name in names[max(0, len(names) - policy.runs) :]:
            yield name, f"is one of the {policy.runs} newest"
    oldest = now - timedelta(days=policy.days)
    for name, folder in folders.items():
        if datetime.strptime(folder.stamp, STAMP_FORMAT).replace(tzinfo=UTC) > oldest:
            yield name, f"is younger than {policy.days} days"


def _cited_by_journal(folders: _Folders, registry: ClusterRegistry) -> _Reasons:
    """Folders that a decision names, by their files or by their STAMP."""
    of_stamp = _by_stamp(folders)
    for event in registry.events:
        if isinstance(event, RunRecorded | EvidencePruned):
            continue
        subject = getattr(event, "cluster", None) or event.event
        reason = f"is cited by the journal: {subject}, {event.event.replace('_', ' ')}"
        for path in getattr(event, "evidence", ()):
            for name in _FOLDER.findall(path):
                yield name, reason
        for name in of_stamp.get(getattr(event, "stamp", None) or "", ()):
            yield name, reason


def _of_open_clusters(folders: _Folders, registry: ClusterRegistry) -> _Reasons:
    """The newest run that shows each cluster that is not resolved: `show` and `probe` start from it."""
    wanted = {
        cluster.id
        for cluster in registry.clusters.values()
        if cluster.status is not ClusterStatus.RESOLVED and cluster.id not in registry.aliases
    }
    for name, folder in reversed(folders.items()):
        if not wanted:
            return
        if folder.phase != "a" or not folder.sealed:
            continue
        try:
            seen = {registry.resolve(each.id) for each in read_clusters(folder.path) if each.is_seen}
        except TriageError:
            continue  # a damaged folder stays for another reason
        for cluster_id in sorted(wanted & seen):
            yield name, f"is the newest run that shows {cluster_id}"
        wanted -= seen


def _cited_by_documents(root: Path, output: Path, folders: _Folders) -> _Reasons:
    """Folders that documents outside of the evidence name: by their claims, or in what people wrote."""
    of_stamp = _by_stamp(folders)
    for path in _written_by_people(output):
        for stamp in _STAMP.findall(_text(path)):
            for name in of_stamp.get(stamp, ()):
                yield name, f"is named in {path.relative_to(output).as_posix()}"
    for path in _claims(root, output):
        for name in _FOLDER.findall(_text(path)):
            yield name, f"is cited by {path.name.removesuffix(SUFFIX)}"


def _not_as_sealed(folders: _Folders, registry: ClusterRegistry) -> _Reasons:
    """Folders that `triage check` has something to say of: to remove them would hide it."""
    recorded: dict[str, set[str]] = defaultdict(set)
    for event in registry.decisions:
        if isinstance(event, RunRecorded):
            for name, digest in event.manifests.items():
                recorded[name].add(digest)
    for name, folder in folders.items():
        try:
            is_whole = not manifest.compare(folder.path)
            is_known = name not in recorded or manifest.read(folder.path).digest in recorded[name]
        except CheckError:
            is_whole = is_known = False
        if not (is_whole and is_known):
            yield name, "is not as it was sealed: `triage check`"


def _add_cited_by_kept(folders: _Folders, reasons: dict[str, str]) -> None:
    """Add the folders that the documents of kept folders name, and those that these name in turn."""
    waiting = list(reasons)
    while waiting:
        citing = waiting.pop()
        if citing not in folders:
            continue
        for path in sorted(folders[citing].path.glob("*.json")):
            for name in _FOLDER.findall(_text(path)):
                if name in folders and name not in reasons:
                    reasons[name] = f"is cited by {citing}"
                    waiting.append(name)


def _by_stamp(folders: _Folders) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name, folder in folders.items():
        found[folder.stamp].append(name)
    return found


def _written_by_people(output: Path) -> Iterable[Path]:
    """Ledgers, plans, and pages that lie beside them."""
    return sorted((*(output / PLANS).rglob("*.md"), *(output / REPORTS).glob("*.md")))


def _claims(root: Path, output: Path) -> Iterator[Path]:
    """The claims of every document of the project that lies in no STAMP folder."""
    tops = {root.resolve(), output.resolve()}
    for top in sorted(top for top in tops if not tops & set(top.parents)):
        for base, names, files in os.walk(top):
            names[:] = sorted(name for name in names if name[0] != "." and name not in _ELSEWHERE)
            if Path(base).name.startswith("phase_"):
                names[:] = [name for name in names if not _STAMP.fullmatch(name)]
            yield from (Path(base) / file for file in sorted(files) if file.endswith(SUFFIX))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""

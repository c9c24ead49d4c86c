"""Compare sealed evidence and the journal with what git has of them: neither changes once it is committed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from triage.campaign.check.pruned import PrunedEvidence
from triage.documents.folder_check import Checked
from triage.documents.ledgers import JOURNAL
from triage.evidence import manifest
from triage.evidence.folder import REPORTS
from triage.process.git import Repository
from triage.process.git_history import FileChange, changes_of, committed_ids, content_of, id_of

_MANIFESTS = f"{REPORTS}/*/phase_*/*/{manifest.NAME}"
"""A manifest has the hash of every other file of its folder, so that it stands for them all."""


def check_history(root: Path, checked: Checked, pruned: PrunedEvidence) -> None:
    """Find sealed folders and events that were changed after they were committed; nothing without git.

    `pruned` is what the journal says was removed: as git has it, or it is another folder that was removed.
    """
    repository = Repository.find(root)
    if repository is None or repository.head() is None:
        return
    changes = changes_of(repository, _MANIFESTS, JOURNAL)
    committed = committed_ids(repository, REPORTS, JOURNAL)
    for path in _missing_manifests(root, [c for c in changes if c.path != JOURNAL], committed):
        if not _is_pruned(repository, path, committed[path], pruned):
            checked.fault(path, "is in git, and was removed here")
    _check_manifests(root, [change for change in changes if change.path != JOURNAL], checked)
    present = _lines(_read(root / JOURNAL))
    if JOURNAL in committed:
        missing = _lines(content_of(repository, committed[JOURNAL])) - present
        if missing:
            checked.fault(JOURNAL, f"{_events(missing)} changed or removed since the last commit")
            return
    for change in changes:
        if change.path == JOURNAL and change.before is not None and change.removed_lines:
            _check_rewritten(repository, change, present, checked)


def _missing_manifests(
    root: Path, changes: Iterable[FileChange], committed: Mapping[str, str]
) -> Iterator[str]:
    """Manifests of the last commit that are not there."""
    for path in sorted({change.path for change in changes}):
        if path in committed and not (root / path).is_file():
            yield path


def _is_pruned(repository: Repository, path: str, blob: str, pruned: PrunedEvidence) -> bool:
    """Whether the folder of a manifest that git has was pruned as it is there."""
    folder = path.removesuffix(f"/{manifest.NAME}")
    if folder not in pruned.digests:
        return False
    try:
        return pruned.has(folder, manifest.parsed(content_of(repository, blob)).digest)
    except ValueError:
        return False


def _check_manifests(root: Path, changes: Iterable[FileChange], checked: Checked) -> None:
    """Every version that git ever had of a manifest is the one that is there."""
    versions: dict[str, set[str]] = {}
    for change in changes:
        versions.setdefault(change.path, set()).update({change.before, change.after} - {None})  # type: ignore[arg-type]
    for path, ids in sorted(versions.items()):
        if not (root / path).is_file():
            continue
        data = _read(root / path)
        any_id = next(iter(ids))
        present = {id_of(data, any_id), id_of(data.replace(b"\r\n", b"\n"), any_id)}
        if not ids & present:
            checked.fault(path, "is not the one that was committed: the folder was sealed again")
        elif len(ids) > 1:
            checked.fault(path, "was changed after it was committed: the folder was sealed again")


def _check_rewritten(
    repository: Repository, change: FileChange, present: frozenset[bytes], checked: Checked
) -> None:
    """Events that a commit took out. A journal that has nothing in common with this one is another."""
    assert change.before is not None
    before = _lines(content_of(repository, change.before))
    missing = before - present
    if missing and before & present:
        checked.fault(JOURNAL, f"{_events(missing)} changed or removed in commit {change.commit[:12]}")


def _events(lines: frozenset[bytes]) -> str:
    return "1 event was" if len(lines) == 1 else f"{len(lines)} events were"


def _lines(data: bytes) -> frozenset[bytes]:
    """The events of a journal, without the line ends that git may have converted."""
    return frozenset(line.strip() for line in data.split(b"\n") if line.strip().startswith(b"{"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""

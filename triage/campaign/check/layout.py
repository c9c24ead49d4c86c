"""Check that nothing lies among the evidence that no manifest and no claim vouches for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from triage.campaign.check.folders import DOCUMENTS
from triage.documents.claims import sidecar_of
from triage.evidence import manifest
from triage.evidence.folder import REPORTS, EvidenceFolder


def strangers(root: Path, folders: tuple[EvidenceFolder, ...]) -> Iterator[tuple[str, str]]:
    """Path and problem of every file and folder of a campaign that is part of no STAMP folder."""
    known = {folder.path for folder in folders}
    for campaign in sorted((root / REPORTS).glob("*/")):
        if campaign.is_dir() and not campaign.is_symlink():
            for path in _outside(campaign, known):
                problem = _problem(path)
                if problem is not None:
                    yield path.relative_to(root).as_posix(), problem


def _outside(folder: Path, known: set[Path]) -> Iterator[Path]:
    """Everything beneath a folder but the STAMP folders and what they hold."""
    for path in sorted(folder.iterdir()):
        if path in known:
            continue
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _outside(path, known)


def _problem(path: Path) -> str | None:
    if path.name == manifest.NAME:
        return "seals a folder that is no STAMP folder: it was renamed or moved"
    is_in_phase = path.parent.name.startswith("phase_")
    if is_in_phase and path.is_dir() and any(path.iterdir()):
        return "is no STAMP folder"
    if path.suffix in DOCUMENTS and path.is_file() and not sidecar_of(path).is_file():
        return "states things without claims, beside evidence"
    return None

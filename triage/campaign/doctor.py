"""Find what is wrong with this machine, these settings, these ledgers, and how to mend it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from triage.campaign.finding import Finding
from triage.campaign.leftovers import everything_left
from triage.cluster.mending import mended
from triage.config import Settings
from triage.documents.ledgers import JOURNAL, LEDGERS
from triage.documents.merge_conflicts import conflicted_line
from triage.documents.regions import is_edited, scan
from triage.errors import TriageError, VoidError
from triage.evidence.folder import EvidenceFolder
from triage.evidence.journal import Journal
from triage.model.journal import ClusterRenumbered, ClustersMerged
from triage.process.git import Repository
from triage.text.plural import counted_noun

ENOUGH_DISK = 1 << 30
"""Bytes: a run with its logs and copies of a suite takes a few hundred MiB."""
_MENDED_BY_NEXT = "the next command that writes mends it, or now: triage doctor --mend"


def examine(
    root: Path,
    output: Path,
    settings: Settings,
    open_store: Callable[[], object],
    *,
    scratch: Path,
    now: float,
) -> Iterator[Finding]:
    """Examine everything, one finding after the other; nothing is changed.

    `output` is where the evidence lies, `scratch` the temporary folder, `now` the time in seconds since 1970.
    """
    yield from _machine(root, output)
    yield from _git(root)
    yield from _journal(output)
    yield from _ledgers(output)
    yield from _evidence(root, output, scratch, now)
    try:
        open_store()
        yield Finding(level="ok", what=f"history {settings.store.rpartition('@')[2]}")
    except TriageError as error:
        yield Finding(level="warning", what=error.what, mend=error.next_step)


def _machine(root: Path, output: Path) -> Iterator[Finding]:
    yield Finding(level="ok", what=f"Python {sys.version.split()[0]} on {sys.platform}")
    free = shutil.disk_usage(root).free
    if free < ENOUGH_DISK:
        yield Finding(
            level="warning",
            what=f"{free >> 20} MiB are free on the disk of {root}",
            mend="make room; old evidence that nothing cites: triage prune --dry-run",
        )
    else:
        yield Finding(level="ok", what=f"{free >> 30} GiB are free on the disk")
    if not os.access(_nearest(output), os.W_OK):
        mend = "give yourself the permission, or set `output` (TRIAGE_OUTPUT) to a folder that can be written"
        yield Finding(level="error", what=f"{output} cannot be written", mend=mend)


def _nearest(path: Path) -> Path:
    """The path, or the first folder above it that is there."""
    return next(each for each in (path, *path.parents) if each.exists())


def _git(root: Path) -> Iterator[Finding]:
    try:
        repository = Repository.open(root)
    except VoidError as error:
        what = f"{error.what}: commits cannot be recorded or bisected"
        yield Finding(level="error", what=what, mend=error.next_step)
        return
    if repository is None:
        yield Finding(
            level="warning",
            what=f"{root} is not in a git repository: commits cannot be recorded or bisected",
            mend="git init, where it is a project of its own; or pass --root",
        )
        return
    yield Finding(
        level="ok", what=f"git repository at {repository.top}, HEAD {(repository.head() or 'none')[:10]}"
    )
    attributes = root / ".gitattributes"
    text = attributes.read_text("utf-8", "replace") if attributes.is_file() else ""
    if "journal.jsonl" not in text or "merge=union" not in text:
        yield Finding(level="warning", what="two branches' journals would conflict", mend="triage init")


def _journal(output: Path) -> Iterator[Finding]:
    journal = Journal(output / JOURNAL)
    try:
        written = journal.load()
        registry = mended(written.events)
    except TriageError as error:
        yield Finding(level="error", what=error.what, mend=error.next_step)
        return
    if written.has_conflict:
        what = f"{JOURNAL} holds conflict marks of git; both sides of each count"
        yield Finding(level="warning", what=what, mend=_MENDED_BY_NEXT)
    for event in registry.mending:
        if isinstance(event, ClusterRenumbered):
            what = f"two branches allotted {event.cluster}: the younger is shown as {event.new}"
            yield Finding(level="warning", what=what, mend=_MENDED_BY_NEXT)
        elif isinstance(event, ClustersMerged):
            what = f"two branches saw the failure of {event.into}: {event.cluster} is shown as part of it"
            yield Finding(level="warning", what=what, mend=_MENDED_BY_NEXT)
    yield Finding(
        level="ok",
        what=f"journal with {counted_noun(len(registry.events), 'event')},"
        f" {counted_noun(len(registry.clusters), 'cluster')}",
    )


def _ledgers(output: Path) -> Iterator[Finding]:
    for name in (ledger.path for ledger in LEDGERS):
        path = output / name
        if not path.is_file():
            yield Finding(level="warning", what=f"there is no {name}", mend="triage init")
            continue
        try:
            data = path.read_bytes()
            conflict = conflicted_line(data, name)
            if conflict is not None:
                what = f"{name}:{conflict}: git could not merge what triage renders"
                yield Finding(level="warning", what=what, mend=_MENDED_BY_NEXT)
                continue
            edited = [region for region in scan(data, name) if is_edited(data, region)]
        except TriageError as error:
            yield Finding(level="error", what=error.what, mend=error.next_step)
            continue
        except OSError as error:
            what = f"{name} cannot be read: {error.strerror}"
            yield Finding(level="error", what=what, mend="give yourself the permission to read it")
            continue
        for region in edited:
            yield Finding(
                level="error",
                what=f"{name}:{region.first_line}: region {region.name!r} was changed by hand",
                mend="move your text outside of the markers and empty the lines between them",
            )
        if not edited:
            yield Finding(level="ok", what=name)


def _evidence(root: Path, output: Path, scratch: Path, now: float) -> Iterator[Finding]:
    folders = EvidenceFolder.all(output)
    yield Finding(level="ok", what=f"{len(folders)} STAMP folders")
    for folder in folders:
        if not folder.sealed and folder.in_use:
            yield Finding(level="ok", what=f"{folder.relative(output)}: a triage works on it now")
    for left in everything_left(root, output, scratch, now):
        yield Finding(level="warning", what=left.what, mend=left.mend)

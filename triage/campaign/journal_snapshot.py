"""What the journal says now, without reading all of it each time.

The state that a long journal came to is kept in `.triage/`, with the digest of the bytes that it was computed
from. Later lines are replayed on top of it; where these bytes have changed, or a later line says something of
what was before, the whole journal is read. `triage check` always reads the whole journal, and compares.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from triage.cluster.checkpoint import Checkpoint
from triage.cluster.mending import mended
from triage.cluster.registry import ClusterRegistry
from triage.cluster.replay import JournalReplay
from triage.errors import TriageError
from triage.evidence.journal import Journal, JournalFile, Prefix
from triage.evidence.places import STATE, state_folder
from triage.evidence.snapshot import Snapshot, read_snapshot, write_snapshot

SNAPSHOT = "journal.snapshot"
SMALLEST = 256 * 1024
"""Bytes of a journal that is kept in a snapshot: replaying less takes no longer than reading one."""
_MOST_LATER = 500
"""Events behind a snapshot; where there are more, the next one is due."""
_MEANING = (
    "cluster/checkpoint.py",
    "cluster/event_factory.py",
    "cluster/mending.py",
    "cluster/new_names.py",
    "cluster/registry.py",
    "cluster/replay.py",
    "cluster/stored_events.py",
    "evidence/chain.py",
    "evidence/journal.py",
    "model/base.py",
    "model/cluster.py",
    "model/journal.py",
    "model/nodeid.py",
    "model/quarantine.py",
    "model/signature.py",
)
"""Modules that decide what a journal comes to: changing one makes every snapshot another version's."""
_UNCOMPARED = frozenset({"events", "go_on"})


def present_registry(output: Path, journal: Journal) -> ClusterRegistry:
    """What the journal says now; what two branches did apart is mended in it.

    Raises `UsageError` (bad-journal) that names the first line that is no event.
    """
    if journal.size() < SMALLEST:
        return mended(journal.read())
    made_by = _made_by()
    kept = _of_snapshot(output, journal, made_by)
    if kept is not None:
        return kept
    file = journal.load()
    replay = JournalReplay.over(file.events)
    checkpoint = Checkpoint.of(replay)
    if checkpoint is None:
        return mended(file.events)
    if made_by is not None:
        _keep(output, file, checkpoint, made_by)
    return ClusterRegistry.from_replay(replay, replay.events, checkpoint.decisions)


def snapshot_faults(output: Path, journal: Journal, registry: ClusterRegistry) -> Iterator[str]:
    """In what the snapshot differs from the `registry` that the whole journal gives."""
    kept = _of_snapshot(output, journal, _made_by())
    if kept is None:
        return
    for each in fields(ClusterRegistry):
        if each.name not in _UNCOMPARED and getattr(kept, each.name) != getattr(registry, each.name):
            yield f"says of {each.name} what the journal does not: it was changed by hand; remove it"


def _of_snapshot(output: Path, journal: Journal, made_by: str | None) -> ClusterRegistry | None:
    """The state by a snapshot and what was appended since; None where that does not tell it."""
    snapshot = read_snapshot(output / STATE / SNAPSHOT, made_by) if made_by is not None else None
    if snapshot is None:
        return None
    later = journal.after(snapshot.prefix, lambda: snapshot.ids)
    if later is None or len(later) > _MOST_LATER:
        return None
    try:
        checkpoint = Checkpoint.model_validate_json(snapshot.state)
    except ValidationError:
        return None
    return checkpoint.registry(later, journal)


def _keep(output: Path, file: JournalFile, checkpoint: Checkpoint, made_by: str) -> None:
    prefix = Prefix.of(file)
    if prefix is None:
        return
    ids = "\n".join(event.id for event in file.events).encode("utf-8", "surrogatepass")
    state = checkpoint.model_dump_json().encode("utf-8", "backslashreplace")
    with suppress(TriageError):  # a checkout that nobody may write
        write_snapshot(state_folder(output) / SNAPSHOT, Snapshot(made_by, prefix, ids, state))


@lru_cache(maxsize=1)
def _made_by() -> str | None:
    """Digest of the modules that say what a journal means; None where they cannot be read."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    try:
        for name in _MEANING:
            digest.update((package / name).read_bytes())
    except OSError:  # the package is no folder
        return None
    return digest.hexdigest()

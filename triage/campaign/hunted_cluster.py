"""What a hunt has on record of a cluster that no run shows: it is green as it stands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triage.errors import TriageError
from triage.evidence.folder import EvidenceFolder
from triage.model.cluster import Cluster
from triage.model.experiment import HUNT_FILE


@dataclass(frozen=True)
class HuntedCluster:
    """Where a hunt showed the tests of a cluster red, and how."""

    stamp: str
    summary: Path
    """The document of that hunt."""
    command: str | None
    """A shell line that shows them red; None where the hunt left none."""


def hunted_cluster(output: Path, cluster: Cluster) -> HuntedCluster | None:
    """The hunt that saw the cluster last; None where no hunt did, or its evidence is gone."""
    if cluster.last_seen is None:
        return None
    try:
        folder = EvidenceFolder.find(output, cluster.last_seen, phase="b")
    except TriageError:
        return None
    try:
        rows = json.loads((folder.path / HUNT_FILE).read_bytes())["latent"]
        command = _command(rows, set(cluster.members))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # `triage check` names it
    return HuntedCluster(folder.stamp, folder.path / "summary.md", command)


def _command(rows: Sequence[dict[str, object]], members: set[str]) -> str | None:
    for row in rows:
        tests = row["tests"]
        if isinstance(tests, list) and members.intersection(tests):
            return str(row["command"]) if row.get("command") else None
    return None

"""What a run said of each cluster, from its clusters.json."""

from __future__ import annotations

import json

from triage.cli.context import App
from triage.errors import TriageError, VoidError
from triage.evidence.folder import EvidenceFolder
from triage.model.cluster import Cluster, RunState
from triage.model.run import RunRecord


def clusters_of_run(folder: EvidenceFolder) -> tuple[Cluster, ...]:
    """The clusters as a run's folder has them; none where it was cut short."""
    path = folder.path / "clusters.json"
    if not path.is_file():
        return ()
    try:
        return tuple(Cluster.model_validate(row) for row in json.loads(path.read_bytes())["clusters"])
    except (ValueError, KeyError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise VoidError(
            "bad-evidence", f"{path}: {reason}", "'triage check' tells what was changed"
        ) from error


def states_of(app: App, run: RunRecord | None) -> dict[str, RunState]:
    """Cluster id to its state in a run; empty without one."""
    if run is None:
        return {}
    try:
        folder = EvidenceFolder.find(app.root, run.stamp, run.campaign, "a")
    except TriageError:
        return {}
    return {c.id: c.state_in_run for c in clusters_of_run(folder) if c.state_in_run is not None}

"""The clusters of a run as decided by now, with what the base says of them: then, or asked since."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from triage.campaign.recorded import read_clusters
from triage.cluster.registry import ClusterRegistry, as_decided
from triage.evidence.folder import EvidenceFolder
from triage.model.base_commit import BaseVerdict, worst
from triage.model.cluster import Cluster

if TYPE_CHECKING:
    from triage.model.joint_search import JointReport


def clusters_of_run(
    output: Path, registry: ClusterRegistry, folder: EvidenceFolder, in_run: Sequence[Cluster] | None = None
) -> list[Cluster]:
    """Read them; a joint search behind a run without a base tells what the base says of its tests.

    `in_run` are those of the folder, where they have been read already.
    """
    clusters = as_decided(registry, in_run if in_run is not None else read_clusters(folder.path))
    unjudged = [cluster for cluster in clusters if cluster.is_seen and cluster.base is None]
    search = search_of_run(output, folder) if unjudged else None
    if search is None:
        return clusters
    return [_judged(cluster, search) if cluster in unjudged else cluster for cluster in clusters]


def search_of_run(output: Path, folder: EvidenceFolder) -> JointReport | None:
    """The newest joint search for the red tests of a run; None where there was none."""
    from triage.model.joint_search import JOINT_FILE, JointReport  # a dozen models that few commands need

    for later in reversed(EvidenceFolder.all(output, phase="b")):
        path = later.path / JOINT_FILE
        if later.stamp < folder.stamp or not path.is_file():
            continue
        try:
            report = JointReport.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            continue  # `triage check` says what is wrong with it
        if report.run == folder.stamp:
            return report
    return None


def _judged(cluster: Cluster, search: JointReport) -> Cluster:
    """A flaky test speaks for a cluster that has no steady failure, as in the run itself."""
    steady = [nodeid for nodeid in cluster.members if nodeid not in search.flaky]
    verdict = worst(_verdicts(steady or cluster.members, search))
    return cluster.model_copy(update={"base": verdict})


def _verdicts(nodeids: Iterable[str], search: JointReport) -> Iterable[BaseVerdict]:
    return (search.on_base[nodeid].verdict for nodeid in nodeids if nodeid in search.on_base)

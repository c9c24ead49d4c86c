"""Which clusters and tests are in quarantine: decided for a cluster, or test by test."""

from __future__ import annotations

from collections.abc import Iterable

from triage.model.cluster import Cluster
from triage.model.quarantine import Quarantine


def quarantine_of_test(
    nodeid: str, clusters: Iterable[str], quarantines: Iterable[Quarantine]
) -> Quarantine | None:
    """The quarantine that covers a failing test (its own, or of its clusters) and lasts longest."""
    own = set(clusters)
    found = [each for each in quarantines if each.covers(nodeid) or each.cluster in own]
    return max(found, key=lambda each: each.until, default=None)


def quarantine_of_cluster(
    cluster_id: str, members: Iterable[str], quarantines: Iterable[Quarantine]
) -> Quarantine | None:
    """The quarantine that covers all members of a cluster; of several, the one that ends first."""
    known = tuple(quarantines)
    found = []
    for nodeid in members:
        covering = quarantine_of_test(nodeid, (cluster_id,), known)
        if covering is None:
            return None
        found.append(covering)
    return min(found, key=lambda each: each.until, default=None)


def with_quarantine(cluster: Cluster, quarantines: Iterable[Quarantine]) -> Cluster:
    """The cluster with its quarantine, where it or all of its tests have one."""
    found = quarantine_of_cluster(cluster.id, cluster.members, quarantines)
    return cluster.model_copy(update={"quarantine": found})

"""Say which command takes a cluster on: the one answer that every ledger, page and command gives."""

from __future__ import annotations

from typing import NamedTuple

from triage.model.cluster import Cluster, ClusterStatus, RunState


class Due(NamedTuple):
    """A command of triage, and why it is due."""

    verb: str
    reason: str


_FORWARD = {
    ClusterStatus.OPEN: Due("probe", "open without a proven cause"),
    ClusterStatus.PROBED: Due("design", "the cause is known, no repair is chosen"),
    ClusterStatus.DESIGNED: Due("verify", "a repair is chosen, its exit criteria have not been met"),
}
_CLOSE = Due("verify", "its exit criteria have not been met")
"""What is due once the latest run calls an open cluster fixed, designed or not."""
_AGAIN = Due("probe", "resolved, and seen again: the earlier cause is none any more")


def due(cluster: Cluster) -> Due | None:
    """What is due for a cluster in its state of a run, where it has one; None for nothing."""
    if cluster.state_in_run is RunState.FIXED:
        return _CLOSE
    if cluster.status in _FORWARD:
        return _FORWARD[cluster.status]
    return _AGAIN if cluster.is_seen and cluster.status is not ClusterStatus.MERGED else None


def next_command(cluster: Cluster, repairs: int | None = None) -> str | None:
    """The command that takes a cluster on; None where nothing is due.

    `repairs` is how many its probe proposes; None where no probe is on record. A design compares repairs:
    where the probe proposed none, somebody has to write one.
    """
    found = due(cluster)
    if found is None:
        return None
    option = " --option YOUR.patch" if found.verb == "design" and repairs == 0 else ""
    return f"triage {found.verb} {cluster.id}{option}"

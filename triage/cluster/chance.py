"""Tell failures by chance from failures with a cause, and a lucky pass from a repair.

Chance is what was seen: red and green within one run. A test that is on record for that may be red as often
as its recorded rate lets happen; a cluster of such tests is fixed after as many passes as the rate asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from triage.model.cluster import Cluster
from triage.model.rate import FlakyRecord
from triage.model.run import TestResult


@dataclass(frozen=True)
class Chance:
    """What is known of chance in one run: its results, and what was on record before."""

    results: Mapping[str, TestResult] = field(default_factory=dict)
    records: Mapping[str, FlakyRecord] = field(default_factory=dict)
    """By node id; tests that were never red and green within one run have none."""
    on_commit: Mapping[str, FlakyRecord] = field(default_factory=dict)
    """By node id, of tests that were red on the very commit of this run. It excuses nothing: services and
    machines differ between runs. But a pass without a change is no repair.
    """

    def explains(self, cluster: Cluster, members: Iterable[str]) -> bool:
        """Whether every member's failure in this run is chance."""
        return all(self._is_chance(cluster, nodeid) for nodeid in members)

    def _is_chance(self, cluster: Cluster, nodeid: str) -> bool:
        result = self.results.get(nodeid)
        if result is None:
            return False  # a file that failed to collect
        if result.outcome.is_flaky:
            return True
        record = self._record(cluster, nodeid)
        if record is None or not result.outcome.is_red:
            return False
        was_green_too = result.failed_executions < result.executions
        return was_green_too or record.explains(result.executions)

    def turned_steady(self, cluster: Cluster, members: Iterable[str]) -> bool:
        """Whether a member that used to fail by chance fails steadily since this run."""
        for nodeid in members:
            record = self._record(cluster, nodeid)
            if record is not None and not record.was_steady and not self._is_chance(cluster, nodeid):
                return True
        return False

    def leaves_open(self, cluster: Cluster) -> bool:
        """Whether the members' passes in this run may be luck: too few for their recorded rates."""
        for nodeid in cluster.members:
            result = self.results.get(nodeid)
            record = self._record(cluster, nodeid) or _about(cluster, self.on_commit.get(nodeid))
            if result is not None and record is not None and not record.is_mended(result.executions):
                return True
        return False

    def _record(self, cluster: Cluster, nodeid: str) -> FlakyRecord | None:
        return _about(cluster, self.records.get(nodeid))


def _about(cluster: Cluster, record: FlakyRecord | None) -> FlakyRecord | None:
    """The record where it is of failures for this cluster's reason; another reason is no chance."""
    if record is None:
        return None
    return record if record.signatures & set(cluster.signatures) else None

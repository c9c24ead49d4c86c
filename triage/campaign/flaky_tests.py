"""What is on record of flaky tests: from the history, else from the journal, which every clone has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from triage.campaign.flaky_test import FlakyTest
from triage.campaign.services import Services
from triage.cluster.assign import Assignment
from triage.cluster.event_factory import EventFactory
from triage.cluster.quarantine import quarantine_of_test
from triage.cluster.registry import ClusterRegistry
from triage.errors import TriageError
from triage.evidence.history.api import HistoryRow, HistoryStore
from triage.evidence.history.flakiness import (
    MOST_RUNS,
    TestFlakiness,
    flakiness_of,
    record_of,
    record_on_commit,
)
from triage.model.cluster import ClusterStatus
from triage.model.journal import AttemptRecorded, FlakySeen
from triage.model.rate import FlakyRecord
from triage.model.run import RunRecord


@dataclass(frozen=True)
class NewestRun:
    """A run that the history does not have yet."""

    record: RunRecord
    signatures: Mapping[str, str]
    """Of the first failure of each test."""

    def rows(self) -> dict[str, HistoryRow]:
        """Its rows, by node id."""
        return {
            result.nodeid: HistoryRow(
                stamp=self.record.stamp,
                campaign=self.record.campaign,
                commit=self.record.commit,
                outcome=result.outcome,
                duration=result.duration,
                signature=self.signatures.get(result.nodeid),
                runs=result.executions,
                failed=result.failed_executions,
                dirty=self.record.dirty,
            )
            for result in self.record.results
        }

    def flaky_nodeids(self) -> list[str]:
        """Tests that were red and green in it."""
        return [result.nodeid for result in self.record.results if result.outcome.is_flaky]


def flaky_tests(
    store: HistoryStore, registry: ClusterRegistry, newest: NewestRun | None = None
) -> list[FlakyTest]:
    """Every test that was red in some runs and green in others, by failure rate, highest first.

    Where a commit broke and another one mended it, it is among them: `is_flaky` tells.
    """
    own_rows = newest.rows() if newest is not None else {}
    own_flaky = newest.flaky_nodeids() if newest is not None else []
    found = []
    for nodeid in dict.fromkeys((*store.unsteady(), *own_flaky)):
        rows = list(store.history(nodeid, MOST_RUNS))
        if newest is not None and nodeid in own_rows:
            earlier = [row for row in rows if row.stamp != newest.record.stamp]
            rows = [own_rows[nodeid], *earlier]
        figures = flakiness_of(nodeid, rows)
        if figures is not None and figures.flips:
            found.append(_with_clusters(figures, registry))
    return sorted(found, key=lambda test: (-test.rate, test.nodeid))


def _with_clusters(figures: TestFlakiness, registry: ClusterRegistry) -> FlakyTest:
    homes = [registry.home[signature] for signature in figures.signatures if signature in registry.home]
    clusters = tuple(dict.fromkeys(homes))
    return FlakyTest(
        **figures.model_dump(),
        clusters=clusters,
        last_cause=_last_cause(clusters, registry),
        quarantine=quarantine_of_test(figures.nodeid, clusters, registry.quarantines),
    )


def _last_cause(clusters: Iterable[str], registry: ClusterRegistry) -> str | None:
    probes = [
        event
        for cluster in clusters
        for event in registry.events_of(cluster)
        if isinstance(event, AttemptRecorded) and event.phase == "b"
    ]
    latest = max(probes, key=lambda event: event.at, default=None)
    return latest.summary if latest is not None else None


def flaky_records(
    services: Services, registry: ClusterRegistry, before: str | None = None
) -> dict[str, FlakyRecord]:
    """The record of each test that was red and green within one run; of runs before a STAMP, where named."""
    found = _from_journal(registry, before)
    try:
        store = services.open_store()
        for nodeid in store.unsteady():
            rows = [row for row in store.history(nodeid, MOST_RUNS) if before is None or row.stamp < before]
            record = record_of(rows)
            if record is not None:
                found[nodeid] = record
        store.close()
    except TriageError as error:
        services.progress.note(f"flaky tests are known from the journal alone: {error}")
    return found


def records_on_commit(
    services: Services, record: RunRecord, registry: ClusterRegistry
) -> dict[str, FlakyRecord]:
    """The record, on the run's own commit, of tests of open clusters that the run does not show red.

    None where the tree differs from the commit or nobody can tell: then the change may be the repair.
    """
    if record.commit is None or record.dirty is not False:
        return {}
    green = {result.nodeid for result in record.results if result.outcome.is_green}
    open_clusters = [cluster for cluster in registry.live if cluster.status is not ClusterStatus.RESOLVED]
    members = {nodeid for cluster in open_clusters for nodeid in cluster.members if nodeid in green}
    found: dict[str, FlakyRecord] = {}
    try:
        store = services.open_store()
        for nodeid in sorted(members):
            rows = [row for row in store.history(nodeid, MOST_RUNS) if row.stamp < record.stamp]
            on_commit = record_on_commit(rows, record.commit)
            if on_commit is not None:
                found[nodeid] = on_commit
        store.close()
    except TriageError:
        return {}  # `flaky_records` has said so
    return found


def _from_journal(registry: ClusterRegistry, before: str | None) -> dict[str, FlakyRecord]:
    """The first time that each test was flaky: one run, so that the interval of its rate is wide."""
    found: dict[str, FlakyRecord] = {}
    for event in registry.flaky_tests:
        if event.cluster not in registry.clusters or (before is not None and event.stamp >= before):
            continue
        signatures = frozenset(registry.cluster(event.cluster).signatures)
        earlier = found.get(event.nodeid)
        if earlier is not None:
            signatures |= earlier.signatures
        found[event.nodeid] = FlakyRecord(
            runs=event.runs, failed=event.failed, signatures=signatures, first_seen=event.stamp
        )
    return found


def flaky_events(
    record: RunRecord, assignment: Assignment, registry: ClusterRegistry, factory: EventFactory
) -> Iterator[FlakySeen]:
    """Events for tests that are flaky for the first time in their cluster."""
    known = {(registry.resolve(event.cluster), event.nodeid) for event in registry.flaky_tests}
    for result in record.results:
        if not result.outcome.is_flaky:
            continue
        for cluster in assignment.clusters_of(result.nodeid):
            if (cluster, result.nodeid) in known:
                continue
            known.add((cluster, result.nodeid))
            yield factory.make(
                FlakySeen,
                cluster=cluster,
                nodeid=result.nodeid,
                stamp=record.stamp,
                runs=result.executions,
                failed=result.failed_executions,
            )

"""What is on record of flaky tests: from the history, else from the journal, which every clone has."""

from __future__ import annotations

from collections.abc import Iterator

from triage.campaign.services import Services
from triage.cluster.assign import Assignment
from triage.cluster.event_factory import EventFactory
from triage.cluster.registry import ClusterRegistry
from triage.errors import TriageError
from triage.evidence.history.flakiness import MOST_RUNS, record_of
from triage.model.journal import FlakySeen
from triage.model.rate import FlakyRecord
from triage.model.run import RunRecord


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

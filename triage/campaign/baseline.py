"""Phase A: a run becomes clusters, documents, ledgers and an exit code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triage.campaign.decide import refresh, templates_of
from triage.campaign.inputs import context_of, rules_of
from triage.campaign.services import Services
from triage.cluster.assign import Assignment, assign
from triage.cluster.registry import ClusterRegistry
from triage.documents.ledgers import check_regions
from triage.documents.run_summary import write_run_summary
from triage.errors import ExitCode, TriageError
from triage.evidence.folder import EvidenceFolder
from triage.model.base import Value
from triage.model.cluster import Cluster, RunState
from triage.model.run import RunRecord, Suite
from triage.run.suite import run_suite


class Concluded(Value):
    """What a run came to."""

    record: RunRecord
    clusters: tuple[Cluster, ...]
    """Every live cluster with its state in this run."""
    unknown: tuple[str, ...]
    """What the gate holds against the run, one line each."""
    exit_code: ExitCode


def check_ready(services: Services, *, ledgers: bool = True) -> None:
    """Refuse bad rules, a bad journal and a ledger edited by hand before anything is made or run."""
    rules_of(services.root, services.world.now().date(), services.registry())
    if ledgers:
        check_regions(services.root)


def baseline(
    services: Services, suite: Suite, folder: EvidenceFolder, *, resume: bool = False, ledgers: bool = True
) -> Concluded:
    """Run the suite and conclude."""
    record = run_suite(
        suite,
        folder=folder,
        executor=services.executor,
        world=services.world,
        durations=_durations(services),
        progress=services.progress,
        resume=resume,
    )
    return conclude(services, record, folder, ledgers=ledgers)


def conclude(
    services: Services, record: RunRecord, folder: EvidenceFolder, *, ledgers: bool = True
) -> Concluded:
    """Cluster a recorded run, write its documents, seal it, bring the ledgers up to date.

    Ids are in the journal before any document names them. Without `ledgers` (a shard, a trial) nothing
    outside of the folder changes, and new ids are those that the next run would allot.
    """
    with services.decision_lock():
        before = services.registry()
        factory = before.event_factory(services.world.timestamp(), "triage run")
        assignment = assign(
            record,
            before,
            signer=services.signer,
            factory=factory,
            rules=rules_of(services.root, services.world.now().date(), before),
            context=context_of(services, record, before),
        )
        if ledgers:
            services.journal.append(assignment.events)
        _write(folder, record, assignment)
        write_run_summary(services.root, folder, templates_of(services))
        folder.seal()
        if ledgers:
            refresh(services)
    if ledgers:
        _remember(services, record, assignment)
    unknown = _held_against(record, assignment.clusters, before, services.settings.gate)
    return Concluded(
        record=record, clusters=assignment.clusters, unknown=unknown, exit_code=_exit_code(record, unknown)
    )


def _write(folder: EvidenceFolder, record: RunRecord, assignment: Assignment) -> None:
    seen: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    for failure in record.failures:
        slot = (failure.nodeid, seen.setdefault(failure.nodeid, 0))
        seen[failure.nodeid] += 1
        signatures = assignment.signatures_of.get(slot, ())
        row = failure.model_dump(mode="json")
        row["exception"], row["message"] = failure.exception, failure.message
        row["signature"] = signatures[0] if signatures else None
        row["signatures"] = list(signatures)
        row["cluster"] = assignment.cluster_of.get(slot)
        rows.append(row)
    folder.write_json("failures.json", {"stamp": record.stamp, "failures": rows})
    clusters = [cluster.model_dump(mode="json") for cluster in assignment.clusters]
    folder.write_json("clusters.json", {"stamp": record.stamp, "clusters": clusters})


def _held_against(
    record: RunRecord, clusters: tuple[Cluster, ...], before: ClusterRegistry, gate: str
) -> tuple[str, ...]:
    held = []
    for cluster in clusters:
        state = cluster.state_in_run
        if state in {RunState.NEW, RunState.REGRESSED} or (gate == "strict" and state is RunState.KNOWN):
            held.append(f"{cluster.id} {state.value}: {cluster.title}")
        elif gate == "reason-and-test" and state is RunState.KNOWN:
            known = set(before.clusters[cluster.id].members)
            held.extend(f"{cluster.id} new member: {m}" for m in cluster.members if m not in known)
    return tuple(held)


def _exit_code(record: RunRecord, unknown: tuple[str, ...]) -> ExitCode:
    if record.void is not None or not record.complete:
        return ExitCode.VOID
    return ExitCode.FAILURES if unknown else ExitCode.OK


def _durations(services: Services) -> Mapping[str, float]:
    try:
        store = services.open_store()
        durations = store.durations()
        store.close()
    except TriageError as error:
        services.progress.note(f"without recorded durations: {error}")
        return {}
    return durations


def _remember(services: Services, record: RunRecord, assignment: Assignment) -> None:
    first = {
        nodeid: ids[0] for (nodeid, index), ids in assignment.signatures_of.items() if index == 0 and ids
    }
    try:
        store = services.open_store()
        store.record(record, commit=record.commit, signatures=first)
        store.close()
    except TriageError as error:
        services.progress.note(f"the history was not updated: {error}")

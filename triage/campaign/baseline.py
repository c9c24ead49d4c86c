"""Phase A: turn a run into clusters, documents, ledgers and an exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from triage.campaign.decide import refresh, templates_of
from triage.campaign.inputs import context_of, rules_of
from triage.campaign.services import Services
from triage.cluster.assign import Assignment, assign
from triage.cluster.registry import ClusterRegistry
from triage.config import Gate
from triage.documents.ledgers import check_regions
from triage.documents.run_summary import write_run_summary
from triage.errors import ExitCode, TriageError
from triage.evidence.folder import EvidenceFolder
from triage.model.base import Value
from triage.model.cluster import Cluster, RunState
from triage.model.failure import Failure
from triage.model.journal import MembersAdded, RunRecorded
from triage.model.run import RunRecord, Suite
from triage.run.suite import run_suite


class Concluded(Value):
    """What a run came to."""

    record: RunRecord
    clusters: tuple[Cluster, ...]
    """Every live cluster with its state in this run."""
    held_against: tuple[str, ...]
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
        appended = services.append(before, assignment.events) if ledgers else ()
        _write(folder, record, assignment)
        write_run_summary(services.root, folder, templates_of(services))
        folder.seal()
        if appended:
            _record_seal(services, folder)
        if ledgers:
            refresh(services)
    if ledgers:
        _record_history(services, record, assignment)
    held_against = _held_against(
        assignment.clusters, _members_before(before, record.stamp), services.settings.gate
    )
    return Concluded(
        record=record,
        clusters=assignment.clusters,
        held_against=held_against,
        exit_code=_exit_code(record, held_against),
    )


def _record_seal(services: Services, folder: EvidenceFolder) -> None:
    """Put the seal of a run that the journal relies on into it: nobody can seal it again unnoticed.

    A run that had nothing new to say leaves the journal as it is.
    """
    registry = services.registry()
    factory = registry.event_factory(services.world.timestamp(), "triage run")
    evidence = (f"{folder.relative(services.root)}/results.json",)
    event = factory.make(RunRecorded, campaign=folder.campaign, stamp=folder.stamp, evidence=evidence)
    services.append(registry, [event])


def _write(folder: EvidenceFolder, record: RunRecord, assignment: Assignment) -> None:
    """Write `failures.json` and `clusters.json`."""
    earlier: Counter[str] = Counter()
    rows = []
    for failure in record.failures:
        slot = (failure.nodeid, earlier[failure.nodeid])
        earlier[failure.nodeid] += 1
        rows.append(_failure_row(failure, assignment, slot))
    folder.write_json("failures.json", {"stamp": record.stamp, "failures": rows})
    folder.write_json("clusters.json", {"stamp": record.stamp, "clusters": assignment.clusters})


def _failure_row(failure: Failure, assignment: Assignment, slot: tuple[str, int]) -> dict[str, Any]:
    """The failure with its signatures, the current algorithm's first, and its cluster."""
    signatures = assignment.signatures_of.get(slot, ())
    return {
        **failure.model_dump(mode="json"),
        "exception": failure.exception,
        "message": failure.message,
        "signature": signatures[0] if signatures else None,
        "signatures": list(signatures),
        "cluster": assignment.cluster_of.get(slot),
    }


def _members_before(registry: ClusterRegistry, stamp: str) -> dict[str, set[str]]:
    """Cluster id to the tests that it had before this run, which may have been cut short and resumed."""
    members = {cluster.id: set(cluster.members) for cluster in registry.clusters.values()}
    for event in registry.events:
        if isinstance(event, MembersAdded) and event.stamp == stamp:
            members[registry.resolve(event.cluster)] -= set(event.members)
    return members


def _held_against(
    clusters: tuple[Cluster, ...], members_before: Mapping[str, set[str]], gate: Gate
) -> tuple[str, ...]:
    """What the gate does not let pass: new and regressed clusters always, known ones as the setting says."""
    lines = []
    for cluster in clusters:
        state = cluster.state_in_run
        if state in (RunState.NEW, RunState.REGRESSED) or (state is RunState.KNOWN and gate == "strict"):
            lines.append(f"{cluster.id} {state.value}: {cluster.title}")
        elif state is RunState.KNOWN and gate == "reason-and-test":
            known = members_before[cluster.id]
            new_members = [nodeid for nodeid in cluster.members if nodeid not in known]
            lines += [f"{cluster.id} new member: {nodeid}" for nodeid in new_members]
    return tuple(lines)


def _exit_code(record: RunRecord, held_against: tuple[str, ...]) -> ExitCode:
    if record.void is not None or not record.complete:
        return ExitCode.VOID
    return ExitCode.FAILURES if held_against else ExitCode.OK


def _durations(services: Services) -> Mapping[str, float]:
    try:
        store = services.open_store()
        durations = store.durations()
        store.close()
    except TriageError as error:
        services.progress.note(f"without recorded durations: {error}")
        return {}
    return durations


def _record_history(services: Services, record: RunRecord, assignment: Assignment) -> None:
    first_signatures = {
        nodeid: signatures[0]
        for (nodeid, index), signatures in assignment.signatures_of.items()
        if index == 0 and signatures
    }
    try:
        store = services.open_store()
        store.record(record, commit=record.commit, signatures=first_signatures)
        store.close()
    except TriageError as error:
        services.progress.note(f"the history was not updated: {error}")

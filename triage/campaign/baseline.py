"""Phase A: turn a run into clusters, documents, ledgers and an exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from triage.campaign.decide import refresh, templates_of
from triage.campaign.explanation import known_causes
from triage.campaign.flaky_tests import NewestRun, flaky_events, flaky_records, flaky_tests
from triage.campaign.gate import GateReport, Policy, judge
from triage.campaign.inputs import context_of, outcomes_at, rules_of
from triage.campaign.next_steps import command_in
from triage.campaign.recorded import read_clusters
from triage.campaign.services import Services
from triage.campaign.stored_signatures import write_signatures
from triage.cluster.assign import Assignment, assign
from triage.cluster.causes import DecidedCause, flips_of_causes
from triage.cluster.on_base import blamed, with_base
from triage.cluster.quarantine import quarantine_of_test
from triage.cluster.registry import ClusterRegistry
from triage.documents.ledgers import check_regions
from triage.documents.run_summary import CAUSES, write_run_summary
from triage.errors import ExitCode, TriageError
from triage.evidence import atomic
from triage.evidence.folder import EvidenceFolder
from triage.evidence.json_document import Rows
from triage.evidence.packed import packed
from triage.model.base import Value
from triage.model.cluster import Cluster, RunState
from triage.model.failure import Failure
from triage.model.journal import MembersAdded, RunRecorded
from triage.model.quarantine import Quarantine
from triage.model.run import RunRecord, Suite

if TYPE_CHECKING:
    # of a run that is judged against no base these take longer to import than all they do
    from triage.base.bench import Bench
    from triage.base.target import Target

Attribute = Callable[["RunRecord", "Target"], Sequence[DecidedCause]]
"""Finds by experiments what broke the red tests of a run that was judged against its base."""


class Concluded(Value):
    """What a run came to."""

    record: RunRecord
    clusters: tuple[Cluster, ...]
    """Every live cluster with its state in this run."""
    held_against: tuple[str, ...]
    """What the gate holds against the run, one line each."""
    held: tuple[str, ...] = ()
    """The clusters that these lines are about."""
    warnings: tuple[str, ...] = ()
    """What it lets pass: flaky tests, quarantines."""
    exit_code: ExitCode


def check_ready(services: Services, *, ledgers: bool = True) -> None:
    """Refuse bad rules, a bad journal and a ledger edited by hand before anything is made or run."""
    rules_of(services.root, services.world.now().date(), services.registry())
    if ledgers:
        check_regions(services.output)


def baseline(
    services: Services,
    suite: Suite,
    folder: EvidenceFolder,
    *,
    base: Target | None = None,
    attribute: Attribute | None = None,
    resume: bool = False,
    ledgers: bool = True,
    history: bool = True,
) -> Concluded:
    """Run the suite, ask the base about what failed, find what broke it, and conclude."""
    from triage.run.suite import run_suite

    if base is not None:
        from triage.base.document import write_target

        write_target(folder, base)
    records = flaky_records(services, services.registry())
    record = run_suite(
        suite,
        folder=folder,
        executor=services.executor,
        world=services.world,
        durations=_durations(services),
        executions={nodeid: record.executions_to_exclude_chance for nodeid, record in records.items()},
        progress=services.progress,
        resume=resume,
    )
    if base is not None:
        from triage.base.judge import judge_against_base

        try:
            record = judge_against_base(record, base, bench_of(services, suite, folder))
        finally:
            services.executor.close()
        # as the run itself wrote them, redacted at their sources; the base's answers are too
        text = record.model_dump_json() + "\n"
        pieces = packed([text.encode("utf-8", "backslashreplace")])
        atomic.write_pieces(folder.path / "results.json", pieces)
    causes: Sequence[DecidedCause] = ()
    if attribute is not None and base is not None and record.void is None:
        causes = attribute(record, base)
    return conclude(services, record, folder, causes=causes, ledgers=ledgers, history=history)


def bench_of(services: Services, suite: Suite, folder: EvidenceFolder) -> Bench:
    """What the base is asked with; the evidence goes below `base/` in the folder."""
    from triage.base.bench import Bench

    return Bench(
        root=services.root,
        output=services.output,
        suite=suite,
        folder=folder,
        executor=services.executor,
        world=services.world,
        progress=services.progress,
        signer=services.signer,
        on_record=lambda nodeids, commit: outcomes_at(services, nodeids, commit),
        budget=services.settings.base_budget,
    )


def conclude(
    services: Services,
    record: RunRecord,
    folder: EvidenceFolder,
    *,
    causes: Sequence[DecidedCause] = (),
    ledgers: bool = True,
    history: bool = True,
) -> Concluded:
    """Cluster a recorded run, write its documents, seal it, bring the ledgers up to date.

    `causes` are what experiments on this very run decided: they join and split its clusters.
    Ids are in the journal before any document names them. Without `ledgers` (a shard, a trial) the journal
    stays as it is, and new ids are those that the next run would allot. A shard is in no history: the joined
    run is. A run that can be resumed is not over: its folder stays open, it is in no history, and what is new
    in it is still new when it is over.
    """
    ledgers = ledgers and not record.resumable
    with services.decision_lock():
        before = services.registry()
        factory = before.event_factory(services.world.timestamp(), "triage run")
        context = context_of(services, record, before)
        # what was never a cluster is opened as experiments divide it; known ones are joined and split below
        context = replace(context, flips=(*context.flips, *flips_of_causes(causes)))
        rules = rules_of(services.root, services.world.now().date(), before)
        assignment = assign(
            record, before, signer=services.signer, factory=factory, rules=rules, context=context
        )
        if causes:
            from triage.cluster.assign_by_causes import assign_by_causes

            assignment = assign_by_causes(
                record,
                before,
                assignment,
                causes,
                signer=services.signer,
                factory=factory,
                rules=rules,
                context=context,
            )
        assignment = replace(assignment, clusters=with_base(assignment.clusters, record))
        flaky = tuple(flaky_events(record, assignment, before, factory))
        appended = services.append(before, (*assignment.events, *flaky)) if ledgers else ()
        following = _next_commands(services, assignment.clusters, in_journal=ledgers)
        _write(folder, record, assignment, before.quarantines, in_journal=ledgers, following=following)
        folder.write_json("flaky.json", _flaky_figures(services, record, assignment))
        folder.write_json(
            CAUSES,
            {"stamp": record.stamp, "causes": _causes(services, assignment.clusters, causes, before)},
        )
        gate = _judged(services, record, read_clusters(folder.path), before)
        folder.write_json("gate.json", gate.model_dump(mode="json"))
        write_run_summary(services.output, folder, templates_of(services), suite=services.root)
        if not record.resumable:
            folder.seal()
        fixed = _fixed_in(assignment.clusters)
        if appended or (ledgers and fixed != before.fixed):
            _record_seals(services, folder, fixed)
        if ledgers:
            refresh(services)
    is_shard = record.plan is not None and record.plan.shard is not None
    if history and not is_shard and not record.resumable:
        _record_history(services, record, assignment)
    return Concluded(
        record=record,
        clusters=assignment.clusters,
        held_against=gate.held_against,
        held=gate.held or (),
        warnings=gate.warnings,
        exit_code=_exit_code(record, gate.held_against),
    )


def _causes(
    services: Services,
    clusters: Sequence[Cluster],
    decided: Sequence[DecidedCause],
    before: ClusterRegistry,
) -> list[dict[str, Any]]:
    """What is known of the clusters' causes: what this very run found, else what phase B found earlier."""
    known = known_causes(services.output, before)
    rows: list[dict[str, Any]] = []
    for cluster in clusters:
        found = next((cause for cause in decided if cause.tests.issuperset(cluster.members)), None)
        if found is not None and cluster.is_seen:
            rows.append(
                {
                    "cluster": cluster.id,
                    "heading": f"cause ({found.confidence})",
                    "said": found.said,
                    "evidence": found.evidence,
                }
            )
        elif cluster.id in known:
            cause = known[cluster.id]
            row = {"heading": cause.heading, "said": cause.summary, "evidence": cause.evidence}
            rows.append({"cluster": cluster.id, **row})
    return rows


def _judged(
    services: Services, record: RunRecord, clusters: Sequence[Cluster], before: ClusterRegistry
) -> GateReport:
    """What the gate says of the clusters as they are written: `triage check` judges them again."""
    settings = services.settings
    return judge(
        record.stamp,
        clusters,
        Policy(gate=settings.gate, flaky=settings.flaky, fail_on=settings.fail_on),
        known_members=_members_before(before, record.stamp),
        blamed={cluster.id: blamed(cluster, record) for cluster in clusters},
        today=services.world.now().date(),
    )


def _fixed_in(clusters: Sequence[Cluster]) -> frozenset[str]:
    return frozenset(cluster.id for cluster in clusters if cluster.state_in_run is RunState.FIXED)


def _record_seals(services: Services, folder: EvidenceFolder, fixed: frozenset[str]) -> None:
    """Put the seal of a run that the journal relies on into it: nobody can seal it again unnoticed.

    A run that had nothing new to say leaves the journal as it is; its seal is put there with that of the next
    run which has.
    """
    registry = services.registry()
    factory = registry.event_factory(services.world.timestamp(), "triage run")
    recorded = [event.stamp for event in registry.decisions if isinstance(event, RunRecorded)]
    latest = max(recorded, default=folder.stamp)
    events = []
    for run in EvidenceFolder.all(services.output, phase="a"):
        is_new = run.stamp > latest and run.sealed
        if is_new or run.path == folder.path:
            evidence = (f"{run.relative(services.output)}/results.json",)
            own = tuple(sorted(fixed)) if run.path == folder.path else ()
            events.append(
                factory.make(
                    RunRecorded, campaign=run.campaign, stamp=run.stamp, evidence=evidence, fixed=own
                )
            )
    services.append(registry, events)


def _write(
    folder: EvidenceFolder,
    record: RunRecord,
    assignment: Assignment,
    quarantines: Sequence[Quarantine],
    *,
    in_journal: bool,
    following: Mapping[str, str],
) -> None:
    """Write `failures.json`, `signatures.json` and `clusters.json`, which says whether its ids are those of
    the journal.
    """
    failures = record.failures
    rows = Rows(len(failures), lambda: _failure_rows(failures, assignment, quarantines))
    folder.write_json("failures.json", {"stamp": record.stamp, "failures": rows})
    write_signatures(folder, assignment)
    folder.write_json(
        "clusters.json",
        {
            "stamp": record.stamp,
            "in_journal": in_journal,
            "clusters": assignment.clusters,
            "next": following,
        },
    )


def _next_commands(services: Services, clusters: Sequence[Cluster], *, in_journal: bool) -> dict[str, str]:
    """The command that takes each cluster on, as `triage next` gives it."""
    registry = services.registry() if in_journal else ClusterRegistry()
    causes = known_causes(services.output, registry)
    commands = {each.id: command_in(registry, each, causes.get(each.id)) for each in clusters}
    return {cluster: command for cluster, command in commands.items() if command is not None}


def _failure_rows(
    failures: Iterable[Failure], assignment: Assignment, quarantines: Sequence[Quarantine]
) -> Iterator[dict[str, Any]]:
    """The rows of `failures.json`, in the order of the record."""
    earlier: Counter[str] = Counter()
    for failure in failures:
        slot = (failure.nodeid, earlier[failure.nodeid])
        earlier[failure.nodeid] += 1
        row = _failure_row(failure, assignment, slot)
        clusters = [row["cluster"]] if row["cluster"] else []
        row["quarantine"] = quarantine_of_test(failure.nodeid, clusters, quarantines)
        yield row


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


def _exit_code(record: RunRecord, held_against: tuple[str, ...]) -> ExitCode:
    if record.void is not None or not record.complete:
        return ExitCode.VOID
    if held_against:
        return ExitCode.FAILURES
    # where red tests pass without those that they need to fail, green would be a guess
    return ExitCode.VOID if record.unanswered else ExitCode.OK


def _flaky_figures(services: Services, record: RunRecord, assignment: Assignment) -> dict[str, Any]:
    """`flaky.json`: the figures of flaky tests by failure rate, this run included."""
    try:
        store = services.open_store()
        tests = flaky_tests(store, services.registry(), NewestRun(record, _first_signatures(assignment)))
        tests = [test for test in tests if test.is_flaky]
        store.close()
    except TriageError:
        tests = []  # said where the history is read first
    return {"stamp": record.stamp, "tests": tests}


def _durations(services: Services) -> Mapping[str, float]:
    try:
        store = services.open_store()
        durations = store.durations()
        store.close()
    except TriageError as error:
        services.progress.note(f"without recorded durations: {error}")
        return {}
    return durations


def _first_signatures(assignment: Assignment) -> dict[str, str]:
    """Of the first failure of each test."""
    return {
        nodeid: signatures[0]
        for (nodeid, index), signatures in assignment.signatures_of.items()
        if index == 0 and signatures
    }


def _record_history(services: Services, record: RunRecord, assignment: Assignment) -> None:
    try:
        store = services.open_store()
        store.record(record, commit=record.commit, signatures=_first_signatures(assignment))
        store.close()
    except TriageError as error:
        services.progress.note(f"the history was not updated: {error}")

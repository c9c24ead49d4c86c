"""Phase B step by step: collect, find the subject, reproduce, run the probes, try the members, report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from triage.campaign.decide import decide
from triage.campaign.experiments import flips_of, tried_factors
from triage.campaign.recorded_order import needs_others, order_of, run_when_red
from triage.campaign.services import Services
from triage.cluster.conclusions import conclusions
from triage.cluster.event_factory import EventFactory
from triage.cluster.registry import ClusterRegistry
from triage.evidence.folder import EvidenceFolder
from triage.lab.budget import Budget
from triage.lab.lab import Lab
from triage.lab.probe_folder import events_of, with_evidence, write_report
from triage.lab.session import collect_suite, earlier_verdicts, open_lab, workspace
from triage.model.experiment import Factor, ProbeReport
from triage.model.journal import Event
from triage.model.run import RunRecord
from triage.probe.api import Case, Probe
from triage.probe.case_facts import facts_of, files_of, source_of
from triage.probe.members import divide
from triage.probe.probes.order import NEEDS_OTHERS
from triage.probe.record import report_of, report_without_failure
from triage.probe.reproduce import NotReproduced, Reproduction, reproduce
from triage.probe.schedule import run_probes
from triage.probe.subject import Subject, find_subject, refuse_unusable_cluster


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked for."""

    subject: str
    """C19, or a node id."""
    probes: tuple[Probe, ...]
    only: bool = False
    """The user named the probes: all of them run, whatever they think of their chances."""
    factors: tuple[Factor, ...] = ()
    budget: Budget
    workers: int = 2
    record: RunRecord | None = None
    """The latest run, for what it knows of the subject."""
    record_folder: Path | None = None
    """Where that run lies."""


def probe(services: Services, request: Request, make_folder: Callable[[], EvidenceFolder]) -> ProbeReport:
    """Find the cause of a subject's failure by experiment; write the evidence; append to the journal.

    The evidence folder is made once it is known that the subject exists.
    Raises `UsageError` where it does not, `VoidError` where its file cannot be collected.
    """
    refuse_unusable_cluster(request.subject, services.registry())
    with workspace(services.root) as place:
        collected = collect_suite(services, place)
        subject = find_subject(request.subject, services.registry(), collected, request.record)
        folder = make_folder()
        lab = open_lab(
            services,
            folder,
            place,
            budget=request.budget,
            workers=request.workers,
            earlier=earlier_verdicts(services, place),
        )
        if subject.note is not None:
            lab.notes.append(subject.note)
        nodeid = subject.nodeids[0]
        red_run = run_when_red(services.output, request.record, nodeid)
        hinted = needs_others(red_run, nodeid)
        red_order = order_of(red_run, nodeid)
        reproduction = reproduce(lab, nodeid, collected.tests, red_order, in_place_first=hinted)
        if isinstance(reproduction, NotReproduced):
            report = report_without_failure(subject, reproduction)
        else:
            lab.reason = reproduction.failure
            case = _case(services, request, subject, reproduction, lab=lab, suite=collected.tests)
            case = replace(case, facts={**case.facts, NEEDS_OTHERS: hinted})
            run = run_probes(lab, case, request.probes, only=request.only)
            division = divide(lab, run.proof, subject.nodeids)
            report = report_of(subject, reproduction, run, division)
        report = with_evidence(report, services.output, folder, lab)
    write_report(folder, report)
    where = folder.relative(services.output)
    decide(
        services,
        lambda registry, factory: [
            *events_of(report, folder, where, factory),
            *_suggestions(services.output, registry, factory),
        ],
        "triage probe",
    )
    return report


def _suggestions(output: Path, registry: ClusterRegistry, factory: EventFactory) -> list[Event]:
    """What all experiments so far suggest: clusters that flip together to be one, others to be split."""
    return conclusions(registry, factory, flips_of(tried_factors(output)))


def _case(
    services: Services,
    request: Request,
    subject: Subject,
    reproduction: Reproduction,
    *,
    lab: Lab,
    suite: tuple[str, ...],
) -> Case:
    """The reproduced failure with all that probes may know of it."""
    return Case(
        nodeid=reproduction.nodeid,
        base=reproduction.setup,
        failure=reproduction.failure,
        context=reproduction.context,
        rate=reproduction.failed / reproduction.runs,
        runs=reproduction.runs,
        members=subject.nodeids,
        cluster=subject.cluster,
        suite=suite,
        recorded=order_of(request.record, reproduction.nodeid),
        observed=reproduction.observed,
        env={**services.world.environ, **services.settings.process_env},
        source=source_of(services.root),
        factors=request.factors,
        files=files_of(services.root),
        facts=facts_of(
            services.root,
            reproduction.nodeid,
            world=services.world,
            limits=lab.limits,
            record=request.record,
            last_folder=request.record_folder,
        ),
    )

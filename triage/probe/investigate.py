"""Phase B step by step: collect, find the subject, reproduce, run the probes, try the members, report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from triage.campaign.decide import decide
from triage.campaign.experiments import first_bad_of, flips_of, tried_factors
from triage.campaign.recorded_order import RecordedIn, hunted_order, needs_others, red_run
from triage.campaign.run_conditions import conditions_of
from triage.campaign.services import Services
from triage.cluster.conclusions import conclusions
from triage.cluster.event_factory import EventFactory
from triage.cluster.registry import ClusterRegistry
from triage.evidence.folder import EvidenceFolder
from triage.lab.budget import Budget, Spending
from triage.lab.environment import Environment, environment_of
from triage.lab.lab import Lab
from triage.lab.patch_style import in_project_style
from triage.lab.probe_folder import events_of, with_evidence, write_report
from triage.lab.session import collect_suite, earlier_verdicts, open_lab, workspace
from triage.model.criterion import Conditions
from triage.model.experiment import Factor, ProbeReport
from triage.model.journal import Event
from triage.model.nodeid import file_of
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

    @property
    def latest(self) -> RecordedIn | None:
        """That run with its folder."""
        if self.record is None or self.record_folder is None:
            return None
        return RecordedIn(self.record, self.record_folder)


def probe(services: Services, request: Request, make_folder: Callable[[], EvidenceFolder]) -> ProbeReport:
    """Find the cause of a subject's failure by experiment; write the evidence; append to the journal.

    The evidence folder is made once it is known that the subject exists.
    Raises `UsageError` where it does not, `VoidError` where its file cannot be collected. The budget counts
    from here on: copies and collection take of it too.
    """
    spending = Spending(request.budget, services.world.monotonic)
    refuse_unusable_cluster(request.subject, services.registry())
    red = _red_run(services, request)
    conditions = _conditions_of(services, red)
    with workspace(services.root) as place:
        killers = _other_killers(services, request, red)
        is_recorded = request.latest is not None
        collected = collect_suite(services, place, conditions, spending, killers, is_recorded=is_recorded)
        subject = find_subject(request.subject, services.registry(), collected, request.record)
        folder = make_folder()
        lab = open_lab(
            services,
            folder,
            place,
            budget=spending,
            workers=request.workers,
            earlier=earlier_verdicts(services, place, conditions),
            conditions=conditions,
        )
        if subject.note is not None:
            lab.notes.append(subject.note)
        if conditions is not None and (conditions.env or conditions.pytest_args):
            lab.notes.append(_said_of(conditions))
        nodeid = subject.nodeids[0]
        hinted = needs_others(red, nodeid)
        red_order = red.order_of(nodeid) if red is not None else ()
        latent_order = hunted_order(services.output, nodeid)
        if latent_order and not _shows_red(red, nodeid):
            # what is green as it stands fails in the order that a hunt has kept
            red_order, hinted = latent_order, True
        reproduction = reproduce(
            lab,
            nodeid,
            collected.tests,
            red_order,
            in_place_first=hinted,
            parallel=collected.parallel,
            is_recorded=_shows_red(red, nodeid),
        )
        if isinstance(reproduction, NotReproduced):
            report = report_without_failure(subject, reproduction)
        else:
            lab.reason = reproduction.failure
            case = _case(
                services,
                request,
                subject,
                reproduction,
                lab=lab,
                suite=collected.tests,
                environment=environment_of(services, conditions),
            )
            case = replace(case, facts={**case.facts, NEEDS_OTHERS: hinted})
            run = run_probes(lab, case, request.probes, only=request.only)
            division = divide(lab, run.proof, subject.nodeids)
            report = report_of(subject, reproduction, run, division)
            patches = in_project_style(services.root, report.patches, services.settings.python)
            report = report.model_copy(update={"patches": patches})
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


def _red_run(services: Services, request: Request) -> RecordedIn | None:
    """The run that shows the subject red; where none does, the run that the command works on."""
    return red_run(services.output, request.latest, _names(services, request)) or request.latest


def _names(services: Services, request: Request) -> tuple[str, ...]:
    """The tests of the cluster that is asked for, or the test itself."""
    cluster = services.registry().clusters.get(request.subject.upper())
    return cluster.members if cluster is not None else (request.subject,)


def _other_killers(services: Services, request: Request, run: RecordedIn | None) -> dict[str, str]:
    """Files that end a collection, but for the subject's own: these are to be tried again."""
    killers = run.collection_killers(services.root) if run is not None else {}
    own = {file_of(name) for name in _names(services, request)}
    return {path: reason for path, reason in killers.items() if path not in own}


def _shows_red(run: RecordedIn | None, nodeid: str) -> bool:
    results = run.record.results if run is not None else ()
    return any(result.nodeid == nodeid and result.outcome.has_failures for result in results)


def _conditions_of(services: Services, run: RecordedIn | None) -> Conditions | None:
    """How that run started its processes, where it is not how the settings would today."""
    if run is None:
        return None
    return conditions_of(run.record, run.folder, services.settings.process_env, services.world.environ)


def _said_of(conditions: Conditions) -> str:
    """The conditions of the run, as a note."""
    words = [
        f"{name} unset" if value is None else f"{name}={value}" for name, value in conditions.env.items()
    ]
    if conditions.pytest_args:
        words.append(f"pytest {' '.join(conditions.pytest_args)}")
    return f"Under the conditions of the run that failed: {', '.join(words)}."


def _suggestions(output: Path, registry: ClusterRegistry, factory: EventFactory) -> list[Event]:
    """What all experiments so far suggest: clusters that flip together to be one, others to be split."""
    tried = tried_factors(output)
    return conclusions(registry, factory, flips_of(tried), first_bad_of(tried))


def _case(
    services: Services,
    request: Request,
    subject: Subject,
    reproduction: Reproduction,
    *,
    lab: Lab,
    suite: tuple[str, ...],
    environment: Environment,
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
        recorded=request.latest.order_of(reproduction.nodeid) if request.latest is not None else (),
        observed=reproduction.observed,
        env=environment.everything,
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

"""Phase B step by step: collect, find the subject, reproduce, run the probes, try the members, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from triage.errors import TriageError, VoidError
from triage.evidence.folder import EvidenceFolder
from triage.lab.budget import Budget, Spending
from triage.lab.collect import Collected
from triage.lab.environment import Environment, environment_of
from triage.lab.lab import Lab
from triage.lab.patch_style import in_project_style
from triage.lab.probe_folder import events_of, with_evidence, write_report
from triage.lab.protocol import Observation
from triage.lab.session import Workspace, collect_suite, earlier_verdicts, open_lab, workspace
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
from triage.probe.reproduce import NotReproduced, Reproduction, reproduce, run_first
from triage.probe.schedule import run_probes
from triage.probe.subject import Subject, find_subject, likely_test, refuse_unusable_cluster


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
    from the start of the command: its imports, copies and collection take of it too.
    """
    spending = Spending.of_command(request.budget, services.world)
    refuse_unusable_cluster(request.subject, services.registry())
    red = _red_run(services, request)
    conditions = _conditions_of(services, red)
    with workspace(services.root) as place:
        opening = _Opening(services, request, make_folder, place, spending, conditions)
        collected, subject = opening.collect(_other_killers(services, request, red))
        folder, lab = opening.laboratory()
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
            first=opening.first_runs(nodeid),
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


@dataclass
class _Opening:
    """How an investigation begins: the suite collected, its folder made, the first runs of its subject.

    Where the request names one test, that runs before anything is collected: its runs teach the laboratory
    what a parent has to import, and the collection is then a fork of one.
    """

    services: Services
    request: Request
    make_folder: Callable[[], EvidenceFolder]
    place: Workspace
    spending: Spending
    conditions: Conditions | None
    _opened: tuple[EvidenceFolder, Lab] | None = None
    _first: tuple[str, list[Observation]] | None = None
    """A test and its first runs."""

    def laboratory(self) -> tuple[EvidenceFolder, Lab]:
        """The evidence folder and the laboratory that writes to it; made when they are first asked for."""
        if self._opened is None:
            services, folder = self.services, self.make_folder()
            lab = open_lab(
                services,
                folder,
                self.place,
                budget=self.spending,
                workers=self.request.workers,
                earlier=earlier_verdicts(services, self.place, self.conditions),
                conditions=self.conditions,
            )
            self._opened = folder, lab
        return self._opened

    def collect(self, killers: Mapping[str, str]) -> tuple[Collected, Subject]:
        """The suite and what is asked about; leaves no folder behind where there is no such test."""
        nodeid = self._run_likely_test()
        try:
            collected = self._collected_in_time(killers, nodeid)
            registry = self.services.registry()
            return collected, find_subject(self.request.subject, registry, collected, self.request.record)
        except TriageError:
            if self._opened is not None:
                self._opened[0].discard()
            raise

    def _collected_in_time(self, killers: Mapping[str, str], nodeid: str | None) -> Collected:
        """The suite; where the budget is spent the test alone that has been run: nobody asks for others."""
        if nodeid is None:
            return self._collected(killers)
        alone = Collected((nodeid,), {})
        if self.spending.seconds_left <= 0:
            return alone
        try:
            return self._collected(killers)
        except VoidError as error:
            if error.slug != "budget-spent":
                raise
            return alone

    def _collected(self, killers: Mapping[str, str]) -> Collected:
        return collect_suite(
            self.services,
            self.place,
            self.conditions,
            self.spending,
            killers,
            is_recorded=self.request.latest is not None,
            lab=self._opened[1] if self._opened is not None else None,
        )

    def _run_likely_test(self) -> str | None:
        """Run the test that is most likely meant; returns its name, None where that cannot be told."""
        nodeid = likely_test(self.request.subject, self.services.registry())
        if nodeid is None or not self._may_be_there(nodeid):
            return None
        _, lab = self.laboratory()
        limits = lab.limits
        runs = run_first(lab, nodeid)
        if any(run.red(nodeid) or run.passed(nodeid) for run in runs):
            self._first = nodeid, runs
        else:
            # it is no test, or one that is skipped: what these runs have taught of its time is void
            lab.limits = limits
        return nodeid

    def _may_be_there(self, nodeid: str) -> bool:
        """Whether the file of a test is there, and the name of its function in it."""
        text = source_of(self.services.root)(file_of(nodeid))
        function = nodeid.rpartition("::")[2].partition("[")[0]
        return text is not None and function in text

    def first_runs(self, nodeid: str) -> list[Observation]:
        """The runs of this test that were made already."""
        return self._first[1] if self._first is not None and self._first[0] == nodeid else []


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

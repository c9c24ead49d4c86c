"""Phase B, as a table of contents: subject, claim, ladder, members, report, journal."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from triage.campaign.decide import decide
from triage.campaign.inputs import flips_of, trials_of
from triage.campaign.services import Services
from triage.cluster.event_factory import EventFactory
from triage.cluster.join_rules.experiments import conclusions
from triage.cluster.registry import ClusterRegistry
from triage.evidence.folder import EvidenceFolder
from triage.lab.collect import collect, python_path
from triage.lab.lab import Budget, Lab
from triage.lab.record import Known, context_of, writer
from triage.lab.scratch import Scratch
from triage.model.experiment import ExperimentResult, Factor, ProbeReport, RootCause
from triage.model.journal import Event
from triage.model.run import RunRecord
from triage.probe.api import Case, Probe
from triage.probe.case_facts import facts_of, files_of
from triage.probe.members import Division, Subject, divide, find_subject
from triage.probe.record import events_of, write_report
from triage.probe.reproduce import Claim, check
from triage.probe.schedule import Climb, climb
from triage.process.git import temporary_folder


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


@dataclass(frozen=True)
class Found:
    """The subject in its suite."""

    subject: Subject
    suite: tuple[str, ...]


def probe(services: Services, request: Request, make_folder: Callable[[], EvidenceFolder]) -> ProbeReport:
    """Find the cause of a subject's failure by experiment; write the evidence; tell the journal.

    The evidence folder is made once it is known that the subject exists.
    """
    with ExitStack() as stack:
        room = stack.enter_context(temporary_folder("tr-"))
        scratch = stack.enter_context(Scratch(services.root, room))
        found = _find(services, request, scratch, room)
        folder = make_folder()
        lab = _lab(services, request, folder, room, scratch)
        claim = check(
            lab, found.subject.nodeids[0], found.suite, _chunk_of(request.record, found.subject.nodeids[0])
        )
        if claim.setup is None:
            report, division = _not_reproduced(found, claim), Division()
        else:
            lab.reason = claim.failure
            way = climb(lab, _case(services, request, found, claim, lab), request.probes, only=request.only)
            division = divide(lab, way, found.subject.nodeids)
            report = _report(found, claim, way, division)
        report = _stamped(report, services.root, folder, lab)
    write_report(folder, report)
    where = folder.relative(services.root)
    decide(
        services,
        lambda registry, factory: [
            *events_of(report, folder, where, factory),
            *_concluded(services.root, registry, factory),
        ],
        "triage probe",
    )
    return report


def _concluded(root: Path, registry: ClusterRegistry, factory: EventFactory) -> list[Event]:
    """What all experiments so far suggest: clusters that flip together to be one, others to be split."""
    return conclusions(registry, factory, flips_of(trials_of(root)))


def _find(services: Services, request: Request, scratch: Scratch, room: Path) -> Found:
    scratch.prepare(None)
    settings = services.settings
    collected = collect(
        scratch.tree(0, None, {}),
        room / "collect",
        selectors=settings.selectors,
        env=dict(settings.env),
        pytest_args=settings.pytest_args,
        python=settings.python,
        limits=settings.limits,
        executor=services.executor,
        world=services.world,
    )
    subject = find_subject(request.subject, services.registry(), collected, request.record)
    return Found(subject, collected.tests)


def _lab(services: Services, request: Request, folder: EvidenceFolder, room: Path, scratch: Scratch) -> Lab:
    settings = services.settings
    return Lab(
        scratch=scratch,
        room=room,
        folder=folder.path,
        root=str(services.root),
        where=folder.relative(services.root),
        env=settings.env,
        executor=services.executor,
        world=services.world,
        budget=request.budget,
        limits=settings.limits,
        python=settings.python,
        workers=request.workers,
        pytest_args=settings.pytest_args,
        python_path=python_path(services.root, settings.python),
        progress=services.progress,
        log=writer(folder, services.world),
        redact=folder.redact,
        known=Known(
            context_of(scratch.prepare(None), settings.env, settings.python),
            (old.path for old in EvidenceFolder.all(services.root, phase="b") if old.sealed),
        ),
    )


def _chunk_of(record: RunRecord | None, nodeid: str) -> tuple[str, ...]:
    """The tests that shared its process in the latest run."""
    chunks = record.plan.chunks if record is not None and record.plan is not None else ()
    return next((chunk.nodeids for chunk in chunks if nodeid in chunk.nodeids), ())


def _case(services: Services, request: Request, found: Found, claim: Claim, lab: Lab) -> Case:
    assert claim.setup is not None
    assert claim.observed is not None
    assert claim.context is not None
    return Case(
        nodeid=claim.nodeid,
        base=claim.setup,
        failure=claim.failure,
        context=claim.context,
        rate=claim.failed / claim.runs,
        runs=claim.runs,
        members=found.subject.nodeids,
        cluster=found.subject.cluster,
        suite=found.suite,
        observed=claim.observed,
        env={**services.world.environ, **services.settings.env},
        source=_source_of(services.root),
        factors=request.factors,
        files=files_of(services.root),
        facts=facts_of(
            services.root,
            claim.nodeid,
            world=services.world,
            limits=lab.limits,
            record=request.record,
            last_folder=request.record_folder,
        ),
    )


def _source_of(root: Path) -> Callable[[str], str | None]:
    """Texts of the suite's files, each read once."""

    @cache
    def source(path: str) -> str | None:
        target = (root / path).resolve()
        if not path or not target.is_relative_to(root.resolve()) or not target.is_file():
            return None
        try:
            return target.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    return source


def _not_reproduced(found: Found, claim: Claim) -> ProbeReport:
    cause = RootCause(kind="unknown", summary=claim.text, confidence="unknown")
    return ProbeReport(
        subject=found.subject.nodeids,
        cluster=found.subject.cluster,
        reproduced=False,
        root_cause=cause,
        claim=claim.text,
        next="triage run",
    )


def _report(found: Found, claim: Claim, way: Climb, division: Division) -> ProbeReport:
    cause = way.cause()
    best = way.best
    return ProbeReport(
        subject=found.subject.nodeids,
        cluster=found.subject.cluster,
        reproduced=True,
        experiments=(*way.results, *division.results),
        root_cause=cause,
        next=_next(found, bool(best and best.patches), named=cause.confidence != "unknown"),
        claim=claim.text,
        excluded=way.excluded,
        patches=best.patches if best else (),
        notes=(*way.notes, *division.notes),
    )


def _next(found: Found, has_repair: bool, *, named: bool) -> str:
    subject = found.subject.cluster or found.subject.nodeids[0]
    if not named:
        return f"triage history {shlex.quote(found.subject.nodeids[0])}"
    return f"triage design {shlex.quote(subject)}" + ("" if has_repair else " --option YOUR.patch")


def _stamped(report: ProbeReport, root: Path, folder: EvidenceFolder, lab: Lab) -> ProbeReport:
    results = tuple(_with_relative_evidence(result, root) for result in report.experiments)
    return report.model_copy(
        update={
            "experiments": results,
            "stamp": folder.stamp,
            "folder": folder.relative(root),
            "runs": lab.runs,
            "notes": (*report.notes, *lab.notes),
            "seconds": round(lab.spent, 3),
        }
    )


def _with_relative_evidence(result: ExperimentResult, root: Path) -> ExperimentResult:
    paths = tuple(os.path.relpath(path, root) if os.path.isabs(path) else path for path in result.evidence)
    return result.model_copy(update={"evidence": paths})

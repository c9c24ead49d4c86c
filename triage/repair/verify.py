"""Phase D: criteria, runs, verdicts, evidence, journal, ledgers, plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from triage.campaign.decide import refresh, templates_of
from triage.campaign.services import Services
from triage.cluster.registry import ClusterRegistry
from triage.documents.plans import Designed, designs
from triage.documents.render import write_document
from triage.errors import TriageError, UsageError, VoidError
from triage.evidence.folder import EvidenceFolder
from triage.evidence.manifest import compare
from triage.lab.budget import UNLIMITED
from triage.lab.measurements import magnitude, measurements_of
from triage.lab.observations import relative_evidence
from triage.lab.session import WORKERS, collect_suite, laboratory, open_lab, workspace
from triage.model.base import reason_of
from triage.model.cluster import ClusterStatus
from triage.model.criterion import Criterion, CriterionResult
from triage.model.journal import AttemptRecorded, CriterionMet, Event, StatusChanged
from triage.model.recorded_criteria import RecordedCriteria
from triage.repair.check_criteria import CriterionRuns, judge, run_all
from triage.repair.document import Captured, CapturedRun, CheckedCriterion, SealedDesign, Verification
from triage.repair.inputs import cluster_named
from triage.repair.undesigned import CRITERIA, Undesigned, failures_of, recorded_criteria

TEMPLATE = "verify.md.j2"


Verifiable = Designed | Undesigned


@dataclass(frozen=True)
class _Asked:
    """What is asked of a cluster, whoever laid it down."""

    cluster: str
    title: str
    subject: tuple[str, ...]
    criteria: tuple[Criterion, ...]
    source: str
    """The document that lays the criteria down, relative to the output."""
    recorded: RecordedCriteria | None = None
    """None where a design does."""
    probe: str | None = None
    """The document that names the cause; None where it is not known."""


def clusters_to_verify(
    text: str,
    registry: ClusterRegistry,
    fixed: Mapping[str, str] = MappingProxyType({}),
    campaign: str | None = None,
) -> tuple[Verifiable, ...]:
    """A cluster, or every cluster of a campaign that can be closed: designed, or fixed in the latest run.

    `fixed` are the open clusters that the latest run calls fixed, with its campaign; `campaign` is the one
    that the settings name. Raises `UsageError` for
    an unknown cluster and where nothing is to be closed.
    """
    latest = {design.cluster: design for design in designs(registry)}
    cluster_id = cluster_named(text, registry)
    if cluster_id is not None:
        return (latest.get(cluster_id) or Undesigned(cluster_id),)
    of_campaign = [design for design in latest.values() if design.campaign == text]
    found: list[Verifiable] = [design for design in of_campaign if not design.resolved]
    found += [
        Undesigned(cluster)
        for cluster, its_campaign in fixed.items()
        if its_campaign == text and cluster not in latest
    ]
    if found:
        return tuple(found)
    if of_campaign or text == campaign:
        raise UsageError(
            "nothing-to-do",
            f"campaign {text} has no open cluster that is designed or fixed",
            "see `triage next`",
        )
    return (latest[registry.resolve(text)],)


def verify(services: Services, target: Verifiable, make_folder: Callable[[], EvidenceFolder]) -> Verification:
    """Run the criteria on the present tree; resolve the cluster if all are met; returns `verify.json`.

    The evidence folder is made once it is known that there is something to run. Raises `VoidError` for a
    design that was changed and a suite that does not collect, `UsageError` for a cluster of which no recorded
    run shows a test red, and for a folder of templates that is not there.
    """
    templates = templates_of(services)
    if isinstance(target, Designed):
        design = _sealed_design(services, target)
        folder = make_folder()
        asked = _Asked(
            target.cluster,
            design.title,
            design.subject,
            design.criteria,
            target.design,
            probe=design.probe,
        )
        with laboratory(services, folder) as lab:
            runs = run_all(lab, asked.criteria)
        return _concluded(services, asked, runs, folder, templates)
    failures = failures_of(services, target)
    with workspace(services.root) as place:
        collected = collect_suite(services, place)
        folder = make_folder()
        asked = _asked_by_runs(recorded_criteria(services, failures, collected, folder))
        workers = max(WORKERS, services.settings.workers)
        lab = open_lab(services, folder, place, budget=UNLIMITED, workers=workers)
        runs = run_all(lab, asked.criteria)
    return _concluded(services, asked, runs, folder, templates)


def _asked_by_runs(recorded: RecordedCriteria) -> _Asked:
    return _Asked(
        cluster=recorded.cluster,
        title=recorded.title,
        subject=recorded.subject,
        criteria=recorded.criteria,
        source=f"{recorded.folder}/{CRITERIA}",
        recorded=recorded,
    )


def _concluded(
    services: Services,
    asked: _Asked,
    runs: CriterionRuns,
    folder: EvidenceFolder,
    templates: Mapping[str, str],
) -> Verification:
    """Judge the runs; write evidence, journal and views."""
    results = [
        judge(services, criterion, runs, asked.subject, asked.recorded) for criterion in asked.criteria
    ]
    verification = Verification(
        stamp=folder.stamp,
        campaign=folder.campaign,
        folder=folder.relative(services.output),
        cluster=asked.cluster,
        title=asked.title,
        design=asked.source,
        subject=asked.subject,
        resolved=all(result.met for result in results),
        results=_checked(asked.criteria, results),
        unmet=tuple(result.name for result in results if not result.met),
    )
    path = folder.write_json("verify.json", verification)
    artifacts = {"verification": path}
    captured = _captured(services, asked.criteria, runs)
    if captured is not None:
        artifacts["captured"] = folder.write_json("gradients.json", captured)
    artifacts["design"] = services.output / asked.source
    if asked.recorded is not None:
        artifacts["recorded"] = services.output / asked.source
    elif asked.probe is not None and (services.output / asked.probe).is_file():
        artifacts["probe"] = services.output / asked.probe
    write_document(
        services.output, folder.path / "verify.md", TEMPLATE, artifacts, templates, suite=services.root
    )
    folder.seal()
    written = Verification.model_validate_json(path.read_bytes())  # as it is on disk: redacted
    _record(services, written)
    return written


def _sealed_design(services: Services, designed: Designed) -> SealedDesign:
    """The design as it was sealed: criteria that somebody changed afterwards close nothing."""
    path = services.output / designed.design
    mend = "'triage check' tells what was changed"
    try:
        flaws = compare(path.parent)
        text = path.read_bytes()
    except (OSError, ValueError, TriageError) as error:
        raise VoidError("bad-evidence", f"{path}: {error}", mend) from error
    if flaws:
        raise VoidError(
            "bad-evidence",
            f"{designed.design}: {flaws[0].path} is {flaws[0].problem}",
            f"restore it from git, or design again: triage design {designed.cluster}",
        )
    try:
        design = SealedDesign.model_validate_json(text)
    except ValidationError as error:
        raise VoidError("bad-evidence", f"{designed.design}: {reason_of(error)}", mend) from error
    if not any(criterion.runs for criterion in design.criteria):
        raise VoidError(
            "bad-evidence", f"{designed.design} runs nothing", f"triage design {designed.cluster}"
        )
    return design


def _checked(
    criteria: Sequence[Criterion], results: Sequence[CriterionResult]
) -> tuple[CheckedCriterion, ...]:
    """Each result with what its criterion asked for."""
    return tuple(
        CheckedCriterion(
            **result.model_dump(), text=criterion.text, scope=criterion.scope, command=criterion.command
        )
        for criterion, result in zip(criteria, results, strict=True)
    )


def _captured(services: Services, criteria: Sequence[Criterion], runs: CriterionRuns) -> Captured | None:
    """Loss and gradients where a criterion measures them; None where the last run measured nothing."""
    measuring = next((criterion for criterion in criteria if criterion.kind == "measures"), None)
    if measuring is None:
        return None
    measured = [(measurements_of(run.measured), run) for run in runs.of(measuring)]
    last = measured[-1][0] if measured else None
    if last is None:
        return None
    return Captured(
        loss=last.loss,
        gradients=last.gradients,
        gradient_magnitudes={name: magnitude(value) for name, value in last.gradients.items()},
        graph=last.graph,
        command=measuring.command,
        runs=tuple(
            CapturedRun(
                loss=values.loss if values else None,
                gradients=values.gradients if values else {},
                evidence=relative_evidence(services.output, run.evidence),
            )
            for values, run in measured
        ),
    )


def _record(services: Services, verification: Verification) -> None:
    """Put attempt, met criteria and the cluster's new status into the journal; render ledgers and plan."""
    common: dict[str, Any] = {
        "cluster": verification.cluster,
        "stamp": verification.stamp,
        "evidence": (f"{verification.folder}/verify.json",),
    }
    summary = "every exit criterion is met"
    if not verification.resolved:
        summary = f"unmet: {', '.join(verification.unmet)}"
    with services.decision_lock():
        registry = services.registry()
        factory = registry.event_factory(services.world.timestamp(), "triage verify")
        events: list[Event] = [
            factory.make(
                AttemptRecorded, phase="d", campaign=verification.campaign, summary=summary, **common
            )
        ]
        for result in verification.results:
            if result.met:
                events.append(
                    factory.make(
                        CriterionMet, criterion=result.name, scope=result.scope, runs=result.runs, **common
                    )
                )
        status = registry.cluster(verification.cluster).status
        if verification.resolved:
            events.append(
                factory.make(StatusChanged, status=ClusterStatus.RESOLVED, reason=summary, **common)
            )
        elif status is ClusterStatus.RESOLVED:
            events.append(factory.make(StatusChanged, status=ClusterStatus.OPEN, reason=summary, **common))
        services.append(registry, events)
        refresh(services)

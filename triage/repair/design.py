"""Phase C: basis, options, trials, ranking, criteria, document, journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.campaign.decide import refresh, templates_of
from triage.campaign.run_conditions import conditions_of
from triage.campaign.services import Services
from triage.documents.render import write_document
from triage.evidence.folder import EvidenceFolder
from triage.lab.session import laboratory
from triage.model.cluster import ClusterStatus
from triage.model.criterion import Conditions, Criterion
from triage.model.journal import AttemptRecorded, Event, StatusChanged
from triage.repair.criteria import Control, Ground, criteria_for
from triage.repair.design_document import Designing, assemble, compared_options, control_of
from triage.repair.document import Design, Option, recommended_option
from triage.repair.inputs import Basis, clusters_named, find_basis
from triage.repair.options import Applied, apply, gather, text_of
from triage.repair.skipped_code import texts_of_lines
from triage.repair.trial import UserBreaks, run_options

TEMPLATE = "design.md.j2"


@dataclass(frozen=True)
class Prepared:
    """A design before anything is run: what it rests on, and the options as they apply."""

    basis: Basis
    options: tuple[Applied, ...]
    user_breaks: UserBreaks
    templates: Mapping[str, str]


def prepare(
    services: Services, subject: str, options: Sequence[Path], sabotages: Sequence[Path] = ()
) -> tuple[Prepared, ...]:
    """Read the evidence and apply every patch to a scratch copy; writes nothing, and runs nothing.

    `subject` is a cluster or a campaign. Raises `UsageError` for an unknown one, for a cluster that was not
    probed, where there is no option, and for a folder of templates that is not there.
    """
    cluster_ids = clusters_named(subject, services.registry(), services.settings.campaign)
    templates = templates_of(services)
    return tuple(_prepare(services, each, options, sabotages, templates) for each in cluster_ids)


def _prepare(
    services: Services,
    cluster_id: str,
    options: Sequence[Path],
    sabotages: Sequence[Path],
    templates: Mapping[str, str],
) -> Prepared:
    root = services.root
    basis = find_basis(services.output, services.registry(), cluster_id, needs_cause=not options)
    applied = tuple(apply(root, proposal) for proposal in gather(options, basis.report))
    breaks = gather(sabotages, basis.report) if sabotages else ()
    user_breaks = {}
    for option in applied:
        if option.why_not is None:
            on_top = [(each.title, apply(root, option.proposal, each.patch)) for each in breaks]
            user_breaks[option.proposal.letter] = on_top
    return Prepared(basis, applied, user_breaks, templates)


def design(services: Services, prepared: Prepared, folder: EvidenceFolder) -> Design:
    """Run the options, write the document of phase C, the plan, the ledgers; returns `design.json`."""
    basis = prepared.basis
    conditions = _conditions(services, basis)
    with laboratory(services, folder, conditions) as lab:
        runs = run_options(
            lab, basis, prepared.options, prepared.user_breaks, lambda path: text_of(services.root, path)
        )
    for option in prepared.options:
        folder.write_text(f"options/{option.proposal.letter}.patch", option.proposal.patch)
    designing = Designing(
        services.output, folder, basis, runs, services.settings, services.root, conditions=conditions
    )
    options = compared_options(designing)
    criteria = _criteria(services, basis, options, conditions)
    path = folder.write_json(
        "design.json", assemble(designing, options, criteria, owner=services.world.actor)
    )
    artifacts = {"design": path, "probe": basis.probe}
    if basis.run_folder is not None and (basis.run_folder / "summary.json").is_file():
        artifacts["run"] = basis.run_folder / "summary.json"
    write_document(
        services.output,
        folder.path / "design.md",
        TEMPLATE,
        artifacts,
        prepared.templates,
        suite=services.root,
    )
    folder.seal()
    written = Design.model_validate_json(path.read_bytes())  # as it is on disk: redacted
    _record(services, written)
    return written


def _conditions(services: Services, basis: Basis) -> Conditions | None:
    """How the run that failed started its processes; None where the settings of today do the same."""
    if basis.run is None or basis.run_folder is None:
        return None
    settings = services.settings
    found = conditions_of(basis.run, basis.run_folder, settings.process_env, services.world.environ)
    has_own_args = found.pytest_args not in (None, settings.pytest_args)
    has_own_limit = found.test_timeout not in (None, settings.limits.test_timeout)
    return found if found.env or has_own_args or has_own_limit else None


def _criteria(
    services: Services, basis: Basis, options: Sequence[Option], conditions: Conditions | None
) -> tuple[Criterion, ...]:
    eligible = [option for option in options if option.eligible]
    chosen = recommended_option(options)
    control = control_of(basis)
    controls = [control] if control is not None else []
    controls += [Control(option.loss, option.gradients) for option in eligible if option.gradients]
    ground = Ground(
        basis=basis,
        settings=services.settings,
        controls=controls,
        keywords=tuple(dict.fromkeys(word for option in eligible for word in option.keywords)),
        kinds=frozenset(file.kind for file in chosen.files) if chosen else frozenset(),
        lines=texts_of_lines(basis.report.root_cause, lambda path: text_of(services.root, path)),
        conditions=conditions,
    )
    return criteria_for(ground)


def _record(services: Services, design: Design) -> None:
    """Put the attempt into the journal, and the new status where an option is recommended; render views."""
    chosen = design.recommended
    summary = f"option {chosen} is recommended" if chosen else "no option is eligible"
    common: dict[str, Any] = {
        "cluster": design.cluster,
        "stamp": design.stamp,
        "evidence": (f"{design.folder}/design.json",),
    }
    with services.decision_lock():
        registry = services.registry()
        factory = registry.event_factory(services.world.timestamp(), "triage design")
        events: list[Event] = [
            factory.make(AttemptRecorded, phase="c", campaign=design.campaign, summary=summary, **common)
        ]
        if chosen and registry.cluster(design.cluster).status is not ClusterStatus.RESOLVED:
            events.append(
                factory.make(StatusChanged, status=ClusterStatus.DESIGNED, reason=summary, **common)
            )
        services.append(registry, events)
        refresh(services)

"""Phase C, as a table of contents: basis, options, trials, ranking, criteria, document, journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.campaign.decide import refresh
from triage.campaign.services import Services
from triage.documents.render import write_document
from triage.evidence.folder import EvidenceFolder
from triage.lab.session import laboratory
from triage.model.cluster import ClusterStatus
from triage.model.criterion import Criterion
from triage.model.journal import AttemptRecorded, Event, StatusChanged
from triage.repair.criteria import Ground, criteria_for
from triage.repair.document import control_of, design_values, option_values
from triage.repair.inputs import Basis, find_basis
from triage.repair.options import Applied, Proposal, apply, gather
from triage.repair.trial import Trials, run_options

TEMPLATE = "design.md.j2"


@dataclass(frozen=True)
class Prepared:
    """A design before anything is run: what it rests on, and the options as they apply."""

    basis: Basis
    options: tuple[Applied, ...]
    sabotages: dict[str, list[tuple[str, Applied]]]


def prepare(
    services: Services, cluster_id: str, options: Sequence[Path], sabotages: Sequence[Path] = ()
) -> Prepared:
    """Read the evidence and apply every patch to a scratch copy; writes nothing.

    Raises `UsageError` where the cluster was not probed or there is no option.
    """
    basis = find_basis(services.root, services.registry(), cluster_id, needs_cause=not options)
    applied = tuple(apply(services.root, proposal) for proposal in gather(options, basis.report))
    breaks = gather(sabotages, basis.report) if sabotages else ()
    planted = {
        option.proposal.letter: [(b.title, _on_top(services.root, option.proposal, b)) for b in breaks]
        for option in applied
        if option.why_not is None
    }
    return Prepared(basis, applied, planted)


def design(
    services: Services, prepared: Prepared, folder: EvidenceFolder, templates: Mapping[str, str]
) -> dict[str, Any]:
    """Run the options, write the phase C document, the plan, the ledgers; returns `design.json`."""
    basis = prepared.basis
    with laboratory(services, folder) as lab:
        trials = run_options(lab, basis, prepared.options, prepared.sabotages)
    for option in prepared.options:
        folder.write_text(f"options/{option.proposal.letter}.patch", option.proposal.patch)
    values = _values(services, folder, basis, trials)
    path = folder.write_json("design.json", values)
    artifacts = {"design": path, "probe": basis.probe}
    if basis.run_folder is not None and (basis.run_folder / "summary.json").is_file():
        artifacts["run"] = basis.run_folder / "summary.json"
    write_document(services.root, folder.path / "design.md", TEMPLATE, artifacts, templates)
    folder.seal()
    _tell(services, folder, values)
    return values


def _on_top(root: Path, option: Proposal, broken: Proposal) -> Applied:
    return apply(root, option, broken.patch)


def _values(services: Services, folder: EvidenceFolder, basis: Basis, trials: Trials) -> dict[str, Any]:
    options = option_values(services.root, folder, basis, trials, services.settings)
    return design_values(
        services.root,
        folder,
        basis,
        trials,
        options=options,
        criteria=_criteria(services, basis, options),
        settings=services.settings,
        owner=services.world.actor,
    )


def _criteria(services: Services, basis: Basis, options: Sequence[dict[str, Any]]) -> tuple[Criterion, ...]:
    eligible = [option for option in options if option["eligible"]]
    chosen = next((option for option in options if option["rank"] == 1), None)
    controls = [control for control in (control_of(basis), *eligible) if control.get("gradients")]
    ground = Ground(
        basis=basis,
        settings=services.settings,
        controls=controls,
        keywords=tuple(dict.fromkeys(word for option in eligible for word in option["keywords"])),
        kinds=frozenset(file["kind"] for file in (chosen or {}).get("files", [])),
    )
    return criteria_for(ground)


def _tell(services: Services, folder: EvidenceFolder, values: dict[str, Any]) -> None:
    """The attempt; the new status, where an option is recommended; ledgers and plan."""
    evidence = (f"{folder.relative(services.root)}/design.json",)
    chosen = values["recommended"]
    summary = f"option {chosen} is recommended" if chosen else "no option is eligible"
    with services.decision_lock():
        factory = services.registry().event_factory(services.world.timestamp(), "triage design")
        common: dict[str, Any] = {"cluster": values["cluster"], "stamp": folder.stamp, "evidence": evidence}
        events: list[Event] = [
            factory.make(AttemptRecorded, phase="c", campaign=folder.campaign, summary=summary, **common)
        ]
        if chosen and services.registry().cluster(values["cluster"]).status is not ClusterStatus.RESOLVED:
            events.append(
                factory.make(StatusChanged, status=ClusterStatus.DESIGNED, reason=summary, **common)
            )
        services.journal.append(events)
        refresh(services)

"""Write down what an investigation of phase B found: the evidence folder and the events of the journal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from triage.cluster.event_factory import EventFactory
from triage.documents.probe_page import page
from triage.evidence.folder import EvidenceFolder
from triage.lab.lab import Lab
from triage.lab.observations import relative_evidence
from triage.model.cluster import ClusterStatus
from triage.model.experiment import ExperimentResult, ProbeReport
from triage.model.journal import AttemptRecorded, Event, StatusChanged


def with_evidence(report: ProbeReport, root: Path, folder: EvidenceFolder, lab: Lab) -> ProbeReport:
    """Add where the evidence lies and what the laboratory spent; evidence is named relative to the root."""
    experiments = tuple(_with_relative_evidence(result, root) for result in report.experiments)
    return report.model_copy(
        update={
            "experiments": experiments,
            "stamp": folder.stamp,
            "folder": folder.relative(root),
            "runs": lab.spending.runs,
            "notes": (*report.notes, *lab.notes, *lab.runner.missing),
            "seconds": round(lab.spending.seconds, 3),
        }
    )


def _with_relative_evidence(result: ExperimentResult, root: Path) -> ExperimentResult:
    paths = tuple(relative_evidence(root, path) for path in result.evidence)
    return result.model_copy(update={"evidence": paths})


def write_report(folder: EvidenceFolder, report: ProbeReport) -> None:
    """Write probe.json, the repairs and summary.md, then seal the folder."""
    folder.write_json("probe.json", report.model_dump(mode="json", by_alias=True))
    for number, patch in enumerate(report.patches, 1):
        folder.write_text(f"repair_{number}.patch", patch.diff)
    folder.write_text("summary.md", page(report))
    folder.seal()


def events_of(report: ProbeReport, folder: EvidenceFolder, where: str, factory: EventFactory) -> list[Event]:
    """The events of a cluster: the attempt; the status `probed`, where a cause was found."""
    if report.cluster is None:
        return []
    evidence = (f"{where}/probe.json",)
    summary = f"{report.root_cause.kind} ({report.root_cause.verdict}): {report.root_cause.summary}"
    common: dict[str, Any] = {"cluster": report.cluster, "stamp": folder.stamp, "evidence": evidence}
    events: list[Event] = [
        factory.make(AttemptRecorded, phase="b", campaign=folder.campaign, summary=summary, **common)
    ]
    if report.root_cause.confidence != "unknown":
        events.append(factory.make(StatusChanged, status=ClusterStatus.PROBED, reason=summary, **common))
    return events

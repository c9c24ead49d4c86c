"""What phase B leaves: the evidence folder, and the events of the journal."""

from __future__ import annotations

from typing import Any

from triage.cluster.event_factory import EventFactory
from triage.documents.probe_page import page
from triage.evidence.folder import EvidenceFolder
from triage.model.cluster import ClusterStatus
from triage.model.experiment import ProbeReport
from triage.model.journal import AttemptRecorded, Event, StatusChanged


def write_report(folder: EvidenceFolder, report: ProbeReport) -> None:
    """probe.json, summary.md and the repairs, then the seal."""
    folder.write_json("probe.json", report.model_dump(mode="json", by_alias=True))
    for number, patch in enumerate(report.patches, 1):
        folder.write_text(f"repair_{number}.patch", patch.diff)
    folder.write_text("summary.md", page(report))
    folder.seal()


def events_of(report: ProbeReport, folder: EvidenceFolder, where: str, factory: EventFactory) -> list[Event]:
    """The attempt; the status, where a cause was found."""
    if report.cluster is None:
        return []
    evidence = (f"{where}/probe.json",)
    summary = f"{report.root_cause.kind} ({report.root_cause.confidence}): {report.root_cause.summary}"
    common: dict[str, Any] = {"cluster": report.cluster, "stamp": folder.stamp, "evidence": evidence}
    events: list[Event] = [
        factory.make(AttemptRecorded, phase="b", campaign=folder.campaign, summary=summary, **common)
    ]
    if report.root_cause.confidence != "unknown":
        events.append(factory.make(StatusChanged, status=ClusterStatus.PROBED, reason=summary, **common))
    return events

"""What phase B leaves: the evidence folder, and the events of the journal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from triage.cluster.mint import EventMint
from triage.evidence.atomic import append_line
from triage.evidence.folder import EvidenceFolder
from triage.model.cluster import ClusterStatus
from triage.model.experiment import ProbeReport
from triage.model.journal import AttemptRecorded, Event, StatusChanged
from triage.model.world import World
from triage.probe.page import page

EXPERIMENTS = "experiments.jsonl"


def writer(folder: EvidenceFolder, world: World) -> Callable[[Mapping[str, Any]], None]:
    """Appends a line to the record of experiments, on disk before it returns."""
    path = folder.path / EXPERIMENTS

    def write(line: Mapping[str, Any]) -> None:
        text = json.dumps({"at": world.timestamp(), **line}, ensure_ascii=True, default=str)
        append_line(path, folder.redact(text))

    return write


def write_report(folder: EvidenceFolder, report: ProbeReport) -> None:
    """probe.json, summary.md and the repairs, then the seal."""
    folder.write_json("probe.json", report.model_dump(mode="json", by_alias=True))
    for number, patch in enumerate(report.patches, 1):
        folder.write_text(f"repair_{number}.patch", patch.diff)
    folder.write_text("summary.md", page(report))
    folder.seal()


def events_of(report: ProbeReport, folder: EvidenceFolder, where: str, mint: EventMint) -> list[Event]:
    """The attempt; the status, where a cause was found."""
    if report.cluster is None:
        return []
    evidence = (f"{where}/probe.json",)
    summary = f"{report.root_cause.kind} ({report.root_cause.confidence}): {report.root_cause.summary}"
    common: dict[str, Any] = {"cluster": report.cluster, "stamp": folder.stamp, "evidence": evidence}
    events: list[Event] = [
        mint.make(AttemptRecorded, phase="b", campaign=folder.campaign, summary=summary, **common)
    ]
    if report.root_cause.confidence != "unknown":
        events.append(mint.make(StatusChanged, status=ClusterStatus.PROBED, reason=summary, **common))
    return events

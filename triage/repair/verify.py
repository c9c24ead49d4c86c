"""Phase D, as a table of contents: criteria, runs, verdicts, evidence, journal, ledgers, plan."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from triage.campaign.decide import refresh
from triage.campaign.services import Services
from triage.cluster.registry import ClusterRegistry
from triage.documents.plans import Designed, designs
from triage.documents.render import write_document
from triage.errors import TriageError, UsageError, VoidError
from triage.evidence.folder import EvidenceFolder
from triage.evidence.manifest import compare
from triage.lab.measurements import measurements
from triage.lab.session import evidence_name, laboratory
from triage.model.cluster import ClusterStatus
from triage.model.criterion import Criterion, CriterionResult
from triage.model.journal import AttemptRecorded, CriterionMet, Event, StatusChanged
from triage.repair.check_criteria import Seen, judge, run_all
from triage.repair.criteria import magnitude

TEMPLATE = "verify.md.j2"


def clusters_to_verify(text: str, registry: ClusterRegistry) -> tuple[Designed, ...]:
    """The latest design of a cluster, or of every open cluster of a campaign.

    Raises `UsageError` for an unknown cluster and where nothing was designed.
    """
    latest = {design.cluster: design for design in designs(registry)}
    if text in registry.clusters or text.upper() in registry.clusters:
        cluster_id = registry.resolve(text if text in registry.clusters else text.upper())
        if cluster_id not in latest:
            raise UsageError(
                "not-designed",
                f"{cluster_id} has no exit criteria",
                f"make them first: triage design {cluster_id}",
            )
        return (latest[cluster_id],)
    own = tuple(design for design in latest.values() if design.campaign == text and not design.resolved)
    if own:
        return own
    if any(design.campaign == text for design in latest.values()):
        raise UsageError(
            "nothing-to-do", f"campaign {text} has no designed cluster that is open", "see `triage next`"
        )
    return (latest[registry.resolve(text)],)


def verify(
    services: Services, designed: Designed, folder: EvidenceFolder, templates: Mapping[str, str]
) -> dict[str, Any]:
    """Run the criteria on the present tree; resolve the cluster if all are met; returns `verify.json`."""
    design = _design(services, designed)
    criteria = _criteria(design, designed)
    with laboratory(services, folder) as lab:
        seen = run_all(lab, criteria)
    results = [judge(services, criterion, seen, design["subject"]) for criterion in criteria]
    captured = _captured(services, criteria, seen)
    artifacts = {
        "verification": folder.write_json("verify.json", _values(services, folder, designed, design, results))
    }
    if captured is not None:
        artifacts["captured"] = folder.write_json("gradients.json", captured)
    artifacts["design"] = services.root / designed.design
    write_document(services.root, folder.path / "verify.md", TEMPLATE, artifacts, templates)
    folder.seal()
    values: dict[str, Any] = json.loads((folder.path / "verify.json").read_bytes())
    _tell(services, folder, values)
    return values


def _design(services: Services, designed: Designed) -> dict[str, Any]:
    """The design as it was sealed: criteria that somebody changed afterwards close nothing."""
    path = services.root / designed.design
    try:
        flaws = compare(path.parent)
        design: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError, TriageError) as error:
        raise VoidError(
            "bad-evidence", f"{path}: {error}", "'triage check' tells what was changed"
        ) from error
    if flaws:
        raise VoidError(
            "bad-evidence",
            f"{designed.design}: {flaws[0].path} is {flaws[0].problem}",
            f"restore it from git, or design again: triage design {designed.cluster}",
        )
    return design


def _criteria(design: dict[str, Any], designed: Designed) -> tuple[Criterion, ...]:
    try:
        found = tuple(Criterion.model_validate(item) for item in design["criteria"])
    except (ValidationError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise VoidError(
            "bad-evidence", f"{designed.design}: {reason}", "'triage check' tells what was changed"
        ) from error
    if not any(criterion.runs for criterion in found):
        raise VoidError(
            "bad-evidence", f"{designed.design} runs nothing", f"triage design {designed.cluster}"
        )
    return found


def _values(
    services: Services,
    folder: EvidenceFolder,
    designed: Designed,
    design: dict[str, Any],
    results: Sequence[CriterionResult],
) -> dict[str, Any]:
    texts = {item["name"]: item for item in design["criteria"]}
    return {
        "v": 1,
        "stamp": folder.stamp,
        "campaign": folder.campaign,
        "folder": folder.relative(services.root),
        "cluster": designed.cluster,
        "title": design["title"],
        "design": designed.design,
        "subject": design["subject"],
        "resolved": all(result.met for result in results),
        "results": [
            {
                **result.model_dump(mode="json"),
                "text": texts[result.name]["text"],
                "scope": texts[result.name]["scope"],
                "command": texts[result.name]["command"],
            }
            for result in results
        ],
        "unmet": [result.name for result in results if not result.met],
    }


def _captured(services: Services, criteria: Sequence[Criterion], seen: Seen) -> dict[str, Any] | None:
    """`gradients.json`: loss and gradients of the last run, and of every run beside it."""
    measuring = next((criterion for criterion in criteria if criterion.kind == "measures"), None)
    runs = seen.of(measuring) if measuring else []
    measured = [(measurements(run.measured), run) for run in runs]
    if measuring is None or not measured or not measured[-1][0]:
        return None
    last = measured[-1][0]
    return {
        "loss": last.get("loss"),
        "gradients": last.get("gradients", {}),
        "gradient_magnitudes": {name: magnitude(g) for name, g in last.get("gradients", {}).items()},
        "graph": last.get("graph"),
        "command": measuring.command,
        "runs": [
            {
                "loss": values.get("loss"),
                "gradients": values.get("gradients", {}),
                "evidence": evidence_name(services.root, run.evidence),
            }
            for values, run in measured
        ],
    }


def _tell(services: Services, folder: EvidenceFolder, values: dict[str, Any]) -> None:
    """Attempt and criteria into the journal; the cluster's status; then ledgers and plan."""
    evidence = (f"{values['folder']}/verify.json",)
    common: dict[str, Any] = {"cluster": values["cluster"], "stamp": folder.stamp, "evidence": evidence}
    summary = "every exit criterion is met" if values["resolved"] else f"unmet: {', '.join(values['unmet'])}"
    with services.decision_lock():
        registry = services.registry()
        factory = registry.event_factory(services.world.timestamp(), "triage verify")
        events: list[Event] = [
            factory.make(AttemptRecorded, phase="d", campaign=folder.campaign, summary=summary, **common)
        ]
        for result in values["results"]:
            if result["met"]:
                named = {"criterion": result["name"], "scope": result["scope"], "runs": result["runs"]}
                events.append(factory.make(CriterionMet, **named, **common))
        status = registry.cluster(values["cluster"]).status
        if values["resolved"]:
            events.append(
                factory.make(StatusChanged, status=ClusterStatus.RESOLVED, reason=summary, **common)
            )
        elif status is ClusterStatus.RESOLVED:
            events.append(factory.make(StatusChanged, status=ClusterStatus.OPEN, reason=summary, **common))
        services.journal.append(events)
        refresh(services)

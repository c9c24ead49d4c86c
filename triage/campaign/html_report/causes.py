"""The clusters of a run with their causes, experiments and history."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from triage.campaign.explanation import deciding, known_cause
from triage.campaign.html_report.document import (
    Arm,
    CauseEntry,
    ClusterEntry,
    ExperimentEntry,
    FailureEntry,
    Hunk,
    Moment,
    WhyEntry,
)
from triage.campaign.rerun_command import RerunConditions, rerun_command
from triage.cluster.registry import ClusterRegistry, with_proposals
from triage.documents.event_words import event_in_words
from triage.evidence.folder import EvidenceFolder
from triage.model.cluster import Cluster, Why
from triage.model.experiment import ExperimentResult, Factor, ProbeReport
from triage.model.journal import AttemptRecorded, Event
from triage.text.lines import lines_in_words
from triage.text.pattern import pattern

MOST_EXPERIMENTS = 40
"""Of one cluster, the newest: what was tried before is in the evidence."""
MOST_WHY = 20
_SHORT_ID = 12
"""Digits of a commit that people read; links and commands have all of them."""
_COMMIT = pattern(r"\b [0-9a-f]{40} \b", matches=["a" * 40], rejects=["a" * 41, "a" * 12])
MOST_MOMENTS = 60
"""Of one cluster, the newest."""


def cluster_entries(
    output: Path,
    clusters: Sequence[Cluster],
    summaries: Sequence[Mapping[str, Any]],
    registry: ClusterRegistry,
    *,
    failures: Sequence[FailureEntry],
    conditions: RerunConditions,
) -> tuple[ClusterEntry, ...]:
    """An entry for each cluster of the run, in its order; `summaries` are the rows of its summary."""
    first_failures: dict[str, FailureEntry] = {}
    for failure in failures:
        if failure.cluster is not None:
            first_failures.setdefault(failure.cluster, failure)
    rows = {row["id"]: row for row in summaries}
    return tuple(
        _entry(
            output,
            cluster,
            rows.get(cluster.id, {}),
            registry,
            failure=first_failures.get(cluster.id),
            conditions=conditions,
        )
        for cluster in clusters
    )


def _entry(
    output: Path,
    cluster: Cluster,
    row: Mapping[str, Any],
    registry: ClusterRegistry,
    *,
    failure: FailureEntry | None,
    conditions: RerunConditions,
) -> ClusterEntry:
    is_known = cluster.id in registry.clusters
    events = registry.events_of(cluster.id) if is_known else ()
    evidence = with_proposals(registry, cluster) if is_known else cluster
    experiments = _experiments(output, events)
    quarantine = row.get("quarantine") or {}
    rerun = rerun_command(cluster.members, conditions)
    return ClusterEntry(
        id=cluster.id,
        title=cluster.title,
        status=cluster.status.value,
        state=cluster.state_in_run.value if cluster.state_in_run else None,
        base=cluster.base.value if cluster.base else None,
        owner=cluster.owner,
        quarantine=quarantine.get("said"),
        members=cluster.members,
        failing=len(cluster.members) if cluster.is_seen else 0,
        first_seen=cluster.first_seen,
        last_seen=cluster.last_seen,
        aliases=cluster.aliases,
        exception=failure.exception if failure else "",
        product=failure.product if failure else None,
        own=failure.own if failure else None,
        why=tuple(_why(why) for why in deciding(evidence)[:MOST_WHY]),
        cause=_cause(output, registry, cluster.id) if is_known else None,
        experiments=experiments,
        moments=tuple(_moment(event) for event in events)[-MOST_MOMENTS:],
        rerun=rerun.text,
        rerun_left_out=rerun.left_out,
        next=row.get("next"),
    )


def _why(why: Why) -> WhyEntry:
    return WhyEntry(kind=why.kind, detail=why.detail, proposal=why.proposal, confirm=why.confirm)


def _cause(output: Path, registry: ClusterRegistry, cluster: str) -> CauseEntry | None:
    known = known_cause(output, registry, cluster)
    if known is None:
        return None
    report = _probe_report(output / known.evidence)
    patches = report.patches if report is not None else ()
    return CauseEntry(
        verdict=known.verdict,
        kind=known.kind,
        summary=known.summary,
        culprits=known.culprits,
        factor=known.factor,
        evidence=known.evidence,
        hunks=tuple(_hunks(output, cluster, report)),
        repairs=tuple(Hunk(title=patch.title, diff=patch.diff) for patch in patches),
    )


def _probe_report(path: Path) -> ProbeReport | None:
    """None where it is gone or damaged; `triage check` says so."""
    try:
        return ProbeReport.model_validate(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return None


def _hunks(output: Path, cluster: str, report: ProbeReport | None) -> Iterable[Hunk]:
    """Lines that a joint search found guilty of this cluster: it wrote them beside its experiments."""
    if report is None:
        return
    names = [name for experiment in report.experiments for name in experiment.evidence]
    folders = [EvidenceFolder.holding(output, name) for name in names]
    paths = {folder.path for folder in folders if folder is not None}
    for path in sorted(paths):
        for cause in _causes_of_joint_search(path / "joint.json"):
            if cause.get("cluster") == cluster:
                for hunk in cause.get("hunks", ()):
                    yield Hunk(title=_title_of(hunk), diff=_diff_of(hunk))


def _causes_of_joint_search(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    try:
        causes = json.loads(path.read_bytes())["causes"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [cause for cause in causes if isinstance(cause, dict)]


def _title_of(hunk: Mapping[str, Any]) -> str:
    """The place in words; a whole file is named by its path alone."""
    path, place = str(hunk["path"]), str(hunk["place"])
    return place if place == path else lines_in_words(path, int(hunk["first"]), int(hunk["last"]))


def _diff_of(hunk: Mapping[str, Any]) -> str:
    """Removed and added lines; the place is in the title."""
    before, after = str(hunk["before"]).splitlines(), str(hunk["after"]).splitlines()
    lines = list(difflib.unified_diff(before, after, lineterm="", n=3))
    return "\n".join(lines[3:])  # behind the two names and the heading of the hunk


def _experiments(output: Path, events: Sequence[Event]) -> tuple[ExperimentEntry, ...]:
    """The experiments of every probe of a cluster, those of the newest first."""
    probes = [event for event in events if isinstance(event, AttemptRecorded) and event.phase == "b"]
    found: list[ExperimentEntry] = []
    for probe in reversed(probes):
        for name in probe.evidence:
            report = _probe_report(output / name)
            if report is not None:
                found += [_experiment(each, probe.stamp) for each in report.experiments]
    return tuple(found[:MOST_EXPERIMENTS])


def _experiment(result: ExperimentResult, stamp: str) -> ExperimentEntry:
    return ExperimentEntry(
        probe=result.probe,
        factor=_factor_in_words(result.factor),
        prediction=result.prediction,
        status=result.status.value,
        baseline=Arm(runs=result.baseline.runs, failed=result.baseline.failed),
        treated=Arm(runs=result.treated.runs, failed=result.treated.failed),
        p_value=result.p_value,
        sentence=result.sentence,
        command=result.command,
        stamp=stamp,
    )


def _factor_in_words(factor: Factor | None) -> str:
    if factor is None:
        return ""
    before, after = (_COMMIT.sub(_short_id, json.dumps(value)) for value in (factor.from_, factor.to))
    return f"{factor.kind} {factor.name}: {before} → {after}"


def _short_id(found: re.Match[str]) -> str:
    return found[0][:_SHORT_ID]


def _moment(event: Event) -> Moment:
    what, text = event_in_words(event)
    cited = getattr(event, "evidence", ())
    return Moment(at=event.at, what=what, by=event.by, text=text, evidence=cited[0] if cited else None)

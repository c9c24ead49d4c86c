"""What decided that failures are together, and what broke them, as evidence and journal have it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeGuard

from triage.cluster.registry import ClusterRegistry
from triage.model.base import Value
from triage.model.cluster import Cluster, Why, WhyKind
from triage.model.experiment import Claim, ExperimentResult, ProbeReport, RootCause
from triage.model.journal import AttemptRecorded

_DESCRIBES: frozenset[WhyKind] = frozenset(
    {"exception", "chain", "message", "frame", "file", "line", "comparison"}
)
"""What the signature of a failure says; of a single failure it has joined nothing."""
_HEADINGS = {
    "proven cause": "cause (proven)",
    "proven condition": "condition (proven)",
    "likely": "cause (likely)",
}
"""What stands before the sentence; a condition is what the test depends on, whoever is wrong."""


class KnownCause(Value):
    """What a probe or a joint search found for a cluster: its `root_cause`, and where it stands."""

    verdict: str
    """`proven cause`, `proven condition`, `likely`."""
    kind: str
    summary: str
    factor: str | None
    """As `--factor` takes it."""
    culprits: tuple[str, ...]
    """Tests, paths, commits, lines."""
    confidence: Literal["proven", "likely", "unknown"]
    claim: Claim | None
    lines_no_longer_run: tuple[str, ...] = ()
    evidence: str
    repairs: int = 0
    """How many repairs the probe proposes: `triage design` needs one, or one that somebody names."""

    @property
    def heading(self) -> str:
        """What the sentence is: `cause (proven)`; a condition's sentence says itself that it is proven."""
        if self.claim == "condition" and self.summary.startswith("proven: "):
            return "condition"
        return _HEADINGS.get(self.verdict, self.verdict)


def deciding(cluster: Cluster) -> tuple[Why, ...]:
    """The evidence that brought the cluster's tests together, experiments first; none for a single test."""
    why = sorted(cluster.why, key=lambda each: each.kind != "experiment")
    if len(cluster.members) > 1:
        return tuple(why)
    return tuple(each for each in why if each.proposal or each.kind not in _DESCRIBES)


def known_cause(output: Path, registry: ClusterRegistry, cluster: str) -> KnownCause | None:
    """The newest cause that phase B found for a cluster, under any of its ids; None where it found none."""
    if cluster not in registry.clusters:
        return None  # of a run without ledgers
    return _newest(output, [event for event in registry.events_of(cluster) if _is_probe(event)])


def known_causes(output: Path, registry: ClusterRegistry) -> Mapping[str, KnownCause]:
    """The same for every cluster that was probed, by its id of today."""
    probes: dict[str, list[AttemptRecorded]] = {}
    for event in registry.decisions:
        if _is_probe(event) and event.cluster in registry.clusters:
            probes.setdefault(registry.resolve(event.cluster), []).append(event)
    found = {}
    for cluster, events in probes.items():
        cause = _newest(output, events)
        if cause is not None:
            found[cluster] = cause
    return found


def repairs_proposed(output: Path, registry: ClusterRegistry) -> dict[str, int]:
    """How many repairs the newest probe of each probed cluster proposes."""
    return {cluster: cause.repairs for cluster, cause in known_causes(output, registry).items()}


def root_cause_of(output: Path, registry: ClusterRegistry, cluster: str) -> RootCause | None:
    """The same as the probe's document has it."""
    if cluster not in registry.clusters:
        return None  # a run without ledgers has numbers of its own
    known = known_cause(output, registry, cluster)
    report = _read_report(output, known.evidence) if known is not None else None
    return report.root_cause if report is not None else None


def experiments_of(output: Path, cause: KnownCause) -> tuple[ExperimentResult, ...]:
    """The experiments of the probe that found a cause, in the order in which they were made."""
    report = _read_report(output, cause.evidence)
    return report.experiments if report is not None else ()


def _is_probe(event: object) -> TypeGuard[AttemptRecorded]:
    return isinstance(event, AttemptRecorded) and event.phase == "b"


def _newest(output: Path, attempts: Sequence[AttemptRecorded]) -> KnownCause | None:
    for attempt in reversed(attempts):
        for name in attempt.evidence:
            found = _cause_in(output, name)
            if found is not None:
                return found
    return None


def _cause_in(output: Path, name: str) -> KnownCause | None:
    """None where the document is gone or damaged (`triage check` says so), or names no cause."""
    report = _read_report(output, name)
    if report is None or not _names_cause(report):
        return None
    cause = report.root_cause
    return KnownCause(
        verdict=cause.verdict,
        kind=cause.kind,
        summary=cause.summary,
        factor=cause.factor.spelled() if cause.factor is not None else None,
        culprits=cause.culprits,
        confidence=cause.confidence,
        claim=cause.claim,
        lines_no_longer_run=cause.lines_no_longer_run,
        evidence=name,
        repairs=len(report.patches),
    )


def _names_cause(report: ProbeReport) -> bool:
    return report.root_cause.confidence != "unknown" or report.root_cause.claim is not None


def _read_report(output: Path, name: str) -> ProbeReport | None:
    try:
        return ProbeReport.model_validate(json.loads((output / name).read_bytes()))
    except (OSError, ValueError):
        return None

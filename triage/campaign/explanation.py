"""What decided that failures are together, and what broke them, as evidence and journal have it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from triage.cluster.registry import ClusterRegistry
from triage.model.base import Value
from triage.model.cluster import Cluster, Why, WhyKind
from triage.model.journal import AttemptRecorded

if TYPE_CHECKING:
    from triage.model.experiment import RootCause

_DESCRIBES: frozenset[WhyKind] = frozenset(
    {"exception", "chain", "message", "frame", "file", "line", "comparison"}
)
"""What the signature of a failure says; of a single failure it has joined nothing."""


class KnownCause(Value):
    """What a probe or a joint search found for a cluster."""

    verdict: str
    """`proven cause`, `proven condition`, `likely`."""
    kind: str
    summary: str
    factor: str | None
    """As `--factor` takes it."""
    culprits: tuple[str, ...]
    """Tests, paths, commits, lines."""
    evidence: str


def deciding(cluster: Cluster) -> tuple[Why, ...]:
    """The evidence that brought the cluster's tests together; of a single test nothing did."""
    if len(cluster.members) > 1:
        return cluster.why
    return tuple(why for why in cluster.why if why.proposal or why.kind not in _DESCRIBES)


def known_cause(output: Path, registry: ClusterRegistry, cluster: str) -> KnownCause | None:
    """The newest cause that phase B found for a cluster, under any of its ids; None where it found none."""
    found = _newest_cause(output, registry, cluster)
    if found is None:
        return None
    cause, evidence = found
    return KnownCause(
        verdict=cause.verdict,
        kind=cause.kind,
        summary=cause.summary,
        factor=cause.factor.spelled() if cause.factor is not None else None,
        culprits=cause.culprits,
        evidence=evidence,
    )


def root_cause_of(output: Path, registry: ClusterRegistry, cluster: str) -> RootCause | None:
    """The same as the probe's document has it."""
    found = _newest_cause(output, registry, cluster)
    return found[0] if found is not None else None


def _newest_cause(output: Path, registry: ClusterRegistry, cluster: str) -> tuple[RootCause, str] | None:
    attempts = [event for event in registry.events_of(cluster) if isinstance(event, AttemptRecorded)]
    for attempt in reversed(attempts):
        if attempt.phase == "b":
            found = _read_cause(output, attempt.evidence)
            if found is not None:
                return found
    return None


def _read_cause(output: Path, evidence: Sequence[str]) -> tuple[RootCause, str] | None:
    """None where the document is gone or damaged (`triage check` says so), or names no cause."""
    from triage.model.experiment import ProbeReport  # few clusters have been probed

    for name in evidence:
        try:
            report = ProbeReport.model_validate(json.loads((output / name).read_bytes()))
        except (OSError, ValueError):
            continue
        cause = report.root_cause
        if cause.confidence != "unknown" or cause.claim is not None:
            return cause, name
    return None

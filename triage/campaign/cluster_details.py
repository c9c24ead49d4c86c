"""Gather all that evidence and journal have on one cluster, or on one test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triage.campaign.clusters_of_run import clusters_of_run
from triage.campaign.explanation import KnownCause, experiments_of, known_cause
from triage.campaign.hunted_cluster import HuntedCluster, hunted_cluster
from triage.campaign.recorded import RecordedRun, latest_recorded, read_clusters, recorded_run
from triage.campaign.rerun_command import RerunCommand, conditions_of_rerun, rerun_command
from triage.campaign.stored_signatures import failures_by_cluster, read_signatures
from triage.cluster.registry import ClusterRegistry, home_of
from triage.documents.shown_cluster import passes_alone
from triage.errors import TriageError
from triage.evidence.folder import EvidenceFolder
from triage.model.cluster import Cluster
from triage.model.experiment import ExperimentResult, Status
from triage.model.failure import Failure
from triage.model.run import TestResult


@dataclass(frozen=True)
class ClusterDetails:
    """What there is to know of a cluster."""

    cluster: Cluster
    """As decided by now; state, members and evidence as the run has them that shows it."""
    run: RecordedRun | None
    """The newest run that shows its failure; None where its evidence is gone."""
    failures: tuple[Failure, ...]
    cause: KnownCause | None
    experiments: tuple[ExperimentResult, ...]
    """Those of the probe that found the cause, what decided first."""
    rerun: RerunCommand | None
    """None where its tests pass alone, or no run shows it and no hunt has a command."""
    hunt: HuntedCluster | None = None
    """The hunt that showed it, where no run has: its tests are green as they stand."""


def details_of(output: Path, root: Path, registry: ClusterRegistry, cluster: Cluster) -> ClusterDetails:
    """Gather them; `cluster` is what the journal says."""
    latest = latest_recorded(output, root)
    in_run = _as_run_has_it(output, registry, latest, cluster)
    run = latest if in_run.is_seen else _last_seen_in(output, root, cluster)
    failures = _failures(registry, run, cluster.id)
    cause = known_cause(output, registry, cluster.id)
    hunt = hunted_cluster(output, in_run) if run is None else None
    return ClusterDetails(
        cluster=in_run,
        run=run,
        failures=failures,
        cause=cause,
        experiments=_deciding_first(experiments_of(output, cause)) if cause is not None else (),
        rerun=_of_hunt(hunt) if hunt is not None else _rerun(run, failures),
        hunt=hunt,
    )


def _as_run_has_it(
    output: Path, registry: ClusterRegistry, run: RecordedRun | None, cluster: Cluster
) -> Cluster:
    if run is None:
        return cluster
    found = {each.id: each for each in clusters_of_run(output, registry, run.folder)}
    return found.get(cluster.id, cluster)


def _last_seen_in(output: Path, root: Path, cluster: Cluster) -> RecordedRun | None:
    """The last run that the journal names for it; None where its folder is gone or damaged."""
    if cluster.last_seen is None:
        return None
    try:
        return recorded_run(EvidenceFolder.find(output, cluster.last_seen, phase="a"), root)
    except TriageError:
        return None


def _failures(registry: ClusterRegistry, run: RecordedRun | None, cluster_id: str) -> tuple[Failure, ...]:
    """Of a run that was cut short nothing is clustered yet."""
    if run is None or not run.folder.sealed:
        return ()
    ids = {each.id for each in read_clusters(run.folder.path) if home_of(registry, each) == cluster_id}
    by_cluster = failures_by_cluster(run.record, read_signatures(run.folder))
    return tuple(failure for name in sorted(ids) for failure in by_cluster.get(name, ()))


def _rerun(run: RecordedRun | None, failures: Sequence[Failure]) -> RerunCommand | None:
    if run is None or not failures:
        return None
    nodeids = list(dict.fromkeys(failure.nodeid for failure in failures))
    if passes_alone([result for result in all_results(run) if result.nodeid in set(nodeids)]):
        return None
    return rerun_command(nodeids, conditions_of_rerun(run.folder.path))


def _of_hunt(hunt: HuntedCluster) -> RerunCommand | None:
    return RerunCommand(hunt.command, left_out=0) if hunt.command is not None else None


def all_results(run: RecordedRun) -> tuple[TestResult, ...]:
    """Collection errors and planned tests."""
    return (*run.record.collect_errors, *run.record.results)


def _deciding_first(experiments: Sequence[ExperimentResult]) -> tuple[ExperimentResult, ...]:
    return tuple(sorted(experiments, key=lambda result: result.status is not Status.CONFIRMED))

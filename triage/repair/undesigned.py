"""Clusters that an ordinary commit mended: which of them can be closed, and what closing them asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triage.campaign.declared_settings import SETTINGS_FILE, DeclaredSettings
from triage.campaign.flaky_tests import flaky_records
from triage.campaign.moved import MovedFiles
from triage.campaign.recorded import latest_answer, read_clusters
from triage.campaign.services import Services
from triage.cluster.registry import ClusterRegistry, as_decided
from triage.errors import UsageError
from triage.evidence.folder import EvidenceFolder
from triage.lab.collect import Collected
from triage.model.cluster import Cluster, ClusterStatus, RunState
from triage.model.recorded_criteria import RecordedCriteria
from triage.repair.inputs import factor_of
from triage.repair.recorded_criteria import RecordedGround, derive
from triage.repair.recorded_failures import FoundFailure, find_failures, under_new_names
from triage.repair.renamed_tests import name_finder, renamings
from triage.repair.tree_change import EarlierTree, PresentTree

CRITERIA = "criteria.json"
"""In the folder of a verification whose criteria no design laid down."""


@dataclass(frozen=True)
class Undesigned:
    """A cluster without a design."""

    cluster: str


@dataclass(frozen=True)
class RecordedFailures:
    """The recorded failures of a cluster."""

    cluster: Cluster
    found: tuple[FoundFailure, ...]
    unseen: tuple[str, ...]
    """Its tests that no recorded run shows red."""
    registry: ClusterRegistry


def fixed_in_latest(output: Path, registry: ClusterRegistry) -> dict[str, str]:
    """Open clusters that the newest run with an answer calls fixed, with the run's campaign."""
    run = latest_answer(output)
    if run is None:
        return {}
    found = {}
    for cluster in as_decided(registry, read_clusters(run.folder.path)):
        is_open = cluster.status not in (ClusterStatus.RESOLVED, ClusterStatus.MERGED)
        if is_open and cluster.state_in_run is RunState.FIXED:
            found[cluster.id] = run.record.campaign
    return found


def failures_of(services: Services, target: Undesigned) -> RecordedFailures:
    """Raises `UsageError` where no recorded run shows any test of the cluster red."""
    registry = services.registry()
    cluster = registry.cluster(target.cluster)
    found, unseen = find_failures(services.output, registry, cluster)
    if not found:
        raise UsageError(
            "not-designed",
            f"{cluster.id} has no exit criteria, and no recorded run shows it red",
            f"make them first: triage design {cluster.id}",
        )
    return RecordedFailures(cluster, found, unseen, registry)


def recorded_criteria(
    services: Services, failures: RecordedFailures, collected: Collected, folder: EvidenceFolder
) -> RecordedCriteria:
    """Derive the exit criteria from the failing runs, and write them into the folder of the verification."""
    moved = MovedFiles(services.root, services.output, folder.stamp, failures.registry)
    failing = [each.failure.nodeid for each in failures.found]
    known_then = {result.nodeid for each in failures.found for result in each.run.results}
    moves = renamings(moved, collected, failing, known_then)
    tree = PresentTree.read(services.root, services.output, folder.path)
    ground = RecordedGround(
        cluster=failures.cluster.id,
        title=failures.cluster.title,
        found=under_new_names(failures.found, moves),
        moves=moves,
        declared_then=_declared_then(failures.found, tree),
        unseen=failures.unseen,
        collected=collected,
        new_name=name_finder(moved, collected),
        settings=services.settings,
        environ=services.world.environ,
        records=flaky_records(services, failures.registry),
        factor=factor_of(services.output, failures.registry, failures.cluster),
    )
    recorded = derive(ground, tree, folder, folder.relative(services.output))
    folder.write_json(CRITERIA, recorded)
    return recorded


def _declared_then(found: Sequence[FoundFailure], tree: PresentTree) -> dict[str, DeclaredSettings]:
    """The settings of the commit of each failing run; not of one that had changed them without a commit."""
    if tree.repository is None:
        return {}
    settings_file = tree.from_top(tree.repository, SETTINGS_FILE)
    declared = {}
    for stamp, run in {each.failure.stamp: each.run for each in found}.items():
        then = EarlierTree.of(run.folder)
        if then.commit is None or settings_file in then.changed:
            continue
        settings = DeclaredSettings.at(tree.repository, then.commit)
        if settings is not None:
            declared[stamp] = settings
    return declared

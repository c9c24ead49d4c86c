"""`triage prune`: remove evidence that nothing needs any more, and leave its seals in the journal.

What goes is said first: an event names every folder with the digest of its manifest, so that a removal never
looks like tampering. Then each folder is moved away whole, and removed from there: whoever is killed on the
way leaves folders that are whole or gone, and the next `triage prune` goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from triage.campaign.check.pruned import PrunedEvidence
from triage.campaign.retention import Policy, retention_plan
from triage.campaign.retention_plan import PrunedFolder, RetentionPlan
from triage.campaign.services import Services
from triage.evidence.atomic import disk_error
from triage.evidence.places import PRUNED, state_folder
from triage.model.journal import EvidencePruned
from triage.process.work_folder import remove_tree


def prune(services: Services, policy: Policy, *, dry_run: bool) -> RetentionPlan:
    """Remove what the policy lets go and nothing cites; with `dry_run` nothing is changed."""
    if dry_run:
        return _plan(services, policy)
    with services.decision_lock():
        plan = _plan(services, policy)
        _say_so(services, plan.pruned, policy)
        for row in plan.pruned:
            _move_away(services.output, row)
        # with what a killed `triage prune` left there, of which the journal tells too
        remove_tree(services.output / PRUNED)
    return plan


def _plan(services: Services, policy: Policy) -> RetentionPlan:
    now = services.world.now()
    return retention_plan(services.root, services.output, services.registry(), policy, now)


def _say_so(services: Services, rows: Sequence[PrunedFolder], policy: Policy) -> None:
    """Put what goes into the journal, but for what an earlier, killed `triage prune` has said already."""
    registry = services.registry()
    known = PrunedEvidence.of(registry.decisions)
    new = {row.folder: row.digest for row in rows if not known.has(row.folder, row.digest)}
    if not new:
        return
    factory = registry.event_factory(services.world.timestamp(), services.world.actor)
    event = factory.make(EvidencePruned, folders=new, keep_days=policy.days, keep_runs=policy.runs)
    services.append(registry, [event])


def _move_away(output: Path, row: PrunedFolder) -> None:
    """Move a folder from the evidence in one step: nobody ever sees a part of it."""
    state_folder(output)
    away = output / PRUNED / row.folder.replace("/", ".")
    try:
        away.parent.mkdir(exist_ok=True)
        remove_tree(away)
        (output / row.folder).rename(away)
    except OSError as error:
        raise disk_error(error, output / row.folder) from error

"""Compute what to do next from the journal and the latest run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from shlex import quote
from types import MappingProxyType

from triage.campaign.explanation import KnownCause
from triage.campaign.recorded import RecordedRun, Stage
from triage.campaign.resume_command import resume_command
from triage.cluster.next_command import due, next_command
from triage.cluster.quarantine import with_quarantine
from triage.cluster.registry import ClusterRegistry
from triage.model.base import Value
from triage.model.cluster import Cluster, ClusterStatus, RunState
from triage.model.journal import AttemptRecorded
from triage.text.plural import counted_noun


class Step(Value):
    """One thing to do, with the command that does it."""

    cluster: str | None
    command: str
    reason: str


_ORDER = {ClusterStatus.DESIGNED: 0, ClusterStatus.PROBED: 1, ClusterStatus.OPEN: 2}
"""Nearest to the end first; a cluster of another status waits for nothing."""


def command_for(cluster: Cluster, cause: KnownCause | None) -> str | None:
    """The command that takes a cluster on; None where nothing is due."""
    return next_command(cluster, cause.repairs if cause is not None else None)


def command_in(registry: ClusterRegistry, cluster: Cluster, cause: KnownCause | None) -> str | None:
    """The same in a run; a cluster that the journal lacks (a run without ledgers) is named by a test."""
    if cluster.id in registry.clusters:
        return command_for(cluster, cause)
    return f"triage probe {quote(cluster.members[0])}" if cluster.is_seen else None


def next_steps(
    registry: ClusterRegistry,
    latest: RecordedRun | None,
    states: Mapping[str, RunState],
    today: date,
    causes: Mapping[str, KnownCause] = MappingProxyType({}),
) -> tuple[Step, ...]:
    """What to do, the most urgent first; `today` tells whether a quarantine still holds.

    A run that cannot answer comes before everything, or one without ledgers; then numbers that two
    branches both allotted; then what has regressed, then clusters nearest to their end, larger before
    smaller; then proposals.
    """
    steps = [*_about_the_run(latest), *_about_what_is_not_recorded(registry, latest, states)]
    if registry.clashes:
        steps.append(
            Step(cluster=None, command="triage doctor", reason="two branches allotted the same number")
        )
    verified = _last_verifications(registry)
    waiting = [cluster for cluster in registry.live if cluster.status in _ORDER]
    for cluster in sorted(waiting, key=lambda each: _urgency(each, states.get(each.id))):
        state = states.get(cluster.id)
        in_run = cluster.model_copy(update={"state_in_run": state})
        task = due(in_run)
        command = command_for(in_run, causes.get(cluster.id))
        if task is None or command is None:
            continue
        verb, reason = task
        if verb == "verify" and cluster.id in verified:
            reason = f"{reason}; last time {verified[cluster.id]}"
        if state in {RunState.REGRESSED, RunState.FIXED, RunState.FLAKY}:
            reason = f"{reason}; {state.value} in the latest run"
        quarantine = with_quarantine(cluster, registry.quarantines).quarantine
        if quarantine is not None:
            reason = f"{reason}; {quarantine.state_on(today)}"
        steps.append(Step(cluster=cluster.id, command=command, reason=reason))
    for proposal in registry.proposals:
        other = f" with {proposal.with_cluster}" if proposal.with_cluster else ""
        reason = f"a {proposal.kind}{other} is proposed and not decided"
        command = f"triage explain {proposal.cluster}"
        steps.append(Step(cluster=proposal.cluster, command=command, reason=reason))
    return tuple(steps)


def _last_verifications(registry: ClusterRegistry) -> dict[str, str]:
    """Cluster to what its latest attempt came to, where that was a verification."""
    found: dict[str, str] = {}
    for event in registry.decisions:
        if isinstance(event, AttemptRecorded) and event.cluster in registry.clusters:
            cluster_id = registry.resolve(event.cluster)
            found.pop(cluster_id, None)
            if event.phase == "d":
                found[cluster_id] = event.summary
    return found


def _about_the_run(latest: RecordedRun | None) -> list[Step]:
    """What the newest run asks for; nothing where it has answered."""
    if latest is None:
        return [Step(cluster=None, command="triage run", reason="nothing is recorded yet")]
    if latest.trouble is None:
        return []
    if latest.stage is Stage.RUNNING:
        return [Step(cluster=None, command="triage status", reason=latest.trouble)]
    finish = resume_command(latest.folder)
    if finish is not None:
        return [Step(cluster=None, command=finish, reason=latest.trouble)]
    return [
        Step(cluster=None, command="triage run", reason=f"mend what made the last one void: {latest.trouble}")
    ]


def _about_what_is_not_recorded(
    registry: ClusterRegistry, latest: RecordedRun | None, states: Mapping[str, RunState]
) -> Iterator[Step]:
    """Clusters of a newest run without ledgers: they have no id yet, and what failed is due all the same."""
    unknown = [name for name, state in states.items() if state.is_seen and name not in registry.clusters]
    if unknown and latest is not None and latest.trouble is None:
        clusters = counted_noun(len(unknown), "cluster")
        reason = f"the journal lacks {clusters} of {latest.record.stamp}, which ran without ledgers"
        yield Step(cluster=None, command="triage run", reason=reason)


def _urgency(cluster: Cluster, state: RunState | None) -> tuple[bool, int, int, int]:
    """Sorts the most urgent first."""
    return (state is not RunState.REGRESSED, _ORDER[cluster.status], -len(cluster.members), cluster.number)

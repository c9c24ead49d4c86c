"""Decide whether a run passes: what the gate holds against it, and what it only warns about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType

from triage.config import FailOn, FlakyPolicy, Gate
from triage.model.base import Value
from triage.model.base_commit import BaseVerdict
from triage.model.cluster import Cluster, ClusterStatus, RunState


class Policy(Value):
    """The settings that decide."""

    gate: Gate = "reason"
    flaky: FlakyPolicy = "warn"
    fail_on: tuple[FailOn, ...] = ()


class GateReport(Value):
    """What the gate says of a run, one line each: `gate.json`."""

    stamp: str
    policy: Policy
    held_against: tuple[str, ...] = ()
    """Any of them fails the run."""
    held: tuple[str, ...] | None = None
    """The clusters that `held_against` is about; None in reports of older versions."""
    warnings: tuple[str, ...] = ()
    quarantined: tuple[str, ...] = ()
    """Clusters that pass by a quarantine, whatever their state."""
    day: date | None = None
    """On which quarantines were asked whether they hold; None in reports of older versions."""
    new_members: dict[str, tuple[str, ...]] = {}
    """By cluster that the journal knew: tests of the run that it lacked before."""


def judge(
    stamp: str,
    clusters: Iterable[Cluster],
    policy: Policy,
    *,
    known_members: Mapping[str, Iterable[str]],
    today: date,
    blamed: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> GateReport:
    """Judge every cluster of a run.

    By cluster: `known_members` are those that the journal had before it, `blamed` has a line for each red
    test that came with the change, where the run has a base.
    """
    new_members: dict[str, tuple[str, ...]] = {}
    held_against: list[str] = []
    held_clusters: list[str] = []
    warnings: list[str] = []
    quarantined: list[str] = []
    for cluster in clusters:
        new = _newcomers(cluster, known_members)
        if new:
            new_members[cluster.id] = new
        if _is_answered_by_base(cluster):
            held = list(_held_by_base(cluster, policy, blamed.get(cluster.id, ())))
        else:
            held = list(_held(cluster, policy, set(known_members.get(cluster.id, ()))))
        before = len(held_against)
        quarantine = cluster.quarantine if cluster.is_seen else None
        if quarantine is None:
            held_against += held
            warnings += _warned(cluster, held, blamed.get(cluster.id, ()))
        elif quarantine.holds_on(today):
            quarantined.append(cluster.id)
            warnings.append(f"{cluster.id} in quarantine until {quarantine.until}: {cluster.title}")
        else:
            # known or flaky, it would pass: the quarantine was a promise to have it mended by then
            held_against.append(f"{cluster.id} out of quarantine since {quarantine.until}: {cluster.title}")
        if len(held_against) > before:
            held_clusters.append(cluster.id)
    return GateReport(
        stamp=stamp,
        day=today,
        new_members=new_members,
        policy=policy,
        held_against=tuple(held_against),
        held=tuple(held_clusters),
        warnings=tuple(warnings),
        quarantined=tuple(quarantined),
    )


def _newcomers(cluster: Cluster, known_members: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Tests of a cluster that the journal knew, and that it did not have."""
    if not cluster.is_seen or cluster.id not in known_members:
        return ()
    known = set(known_members[cluster.id])
    return tuple(nodeid for nodeid in cluster.members if nodeid not in known)


def _is_answered_by_base(cluster: Cluster) -> bool:
    """Whether the base decides and not what is stored; where it is undecided, what is stored counts."""
    return cluster.is_seen and cluster.base is not None and cluster.base is not BaseVerdict.UNDECIDED


def _held_by_base(cluster: Cluster, policy: Policy, blamed: Sequence[str]) -> Iterator[str]:
    """What the change broke, known or not; what is red on the base too only if nothing may be red."""
    assert cluster.base is not None
    line = f"{cluster.id} {cluster.base.in_words}: {cluster.title}"
    is_flaky = cluster.state_in_run is RunState.FLAKY
    if cluster.base.blames_change and is_flaky:
        if policy.flaky == "fail":
            yield line
    elif cluster.base.blames_change:
        yield from (f"{cluster.id} {cluster.base.in_words}: {text}" for text in blamed or (cluster.title,))
    elif policy.gate == "strict" and not is_flaky:
        yield line


def _held(cluster: Cluster, policy: Policy, known: set[str]) -> Iterator[str]:
    """What speaks against the run in one cluster: new and regressed always, the rest by policy."""
    state = cluster.state_in_run
    if state is None:
        return
    undecided = ", undecided on the base" if cluster.base is BaseVerdict.UNDECIDED else ""
    line = f"{cluster.id} {state.value}{undecided}: {cluster.title}"
    is_flaky = state is RunState.FLAKY and cluster.is_seen
    is_held = state.is_unexplained or (state is RunState.KNOWN and policy.gate == "strict")
    if is_held or (is_flaky and policy.flaky == "fail"):
        yield line
    elif state is RunState.KNOWN and policy.gate == "reason-and-test":
        for nodeid in cluster.members:
            if nodeid not in known:
                yield f"{cluster.id} new member: {nodeid}"
    is_open = cluster.status not in (ClusterStatus.RESOLVED, ClusterStatus.MERGED)
    if state is RunState.FIXED and is_open and "fixed-open" in policy.fail_on:
        yield f"{cluster.id} fixed and still open: close it with `triage verify {cluster.id}`"


def _warned(cluster: Cluster, held: Iterable[str], blamed: Sequence[str]) -> Iterator[str]:
    """A latent cluster; a flaky one, and where the base says so, that it was not flaky before the change."""
    if cluster.state_in_run is RunState.LATENT:
        yield f"{cluster.id} latent: {cluster.title}"
    if cluster.state_in_run is not RunState.FLAKY or not cluster.is_seen or list(held):
        return
    yield f"{cluster.id} flaky: {cluster.title}"
    yield from (f"{cluster.id} flaky since this change: {text}" for text in blamed)

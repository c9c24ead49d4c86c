"""Events of the append-only record of decisions, `plans/journal.jsonl`.

One event a line. `id` is unique, so that two branches' journals merge by union and a line that
arrives twice counts once. Reading keeps the order of `at`, then of `id`.

Two branches may have allotted the same number. What tells them apart is `opening`: the id of the event
that opened the cluster which is meant.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from triage.model.base import Value
from triage.model.cluster import ClusterStatus, Why


class _Event(Value):
    id: str
    at: str
    """UTC, ISO 8601 with microseconds and Z."""
    by: str
    """Who decided: `triage run`, a person's name, `triage verify`."""
    v: Literal[1] = 1
    opening: str | None = None
    """Id of the event that opened the cluster meant; None where the number was clear."""


class NumberingStarted(_Event):
    """Cluster numbers below `next` belong to an older, hand-made tracker."""

    event: Literal["numbering_started"] = "numbering_started"
    next: int


class ClusterOpened(_Event):
    """An id was allotted."""

    event: Literal["cluster_opened"] = "cluster_opened"
    cluster: str
    title: str
    stamp: str
    signatures: tuple[str, ...]
    members: tuple[str, ...]
    why: tuple[Why, ...] = ()


class SignatureAdded(_Event):
    """A further signature is now known to be of this cluster."""

    event: Literal["signature_added"] = "signature_added"
    cluster: str
    signature: str
    stamp: str
    why: tuple[Why, ...] = ()


class MembersAdded(_Event):
    """Tests seen failing with this cluster's reason for the first time."""

    event: Literal["members_added"] = "members_added"
    cluster: str
    members: tuple[str, ...]
    stamp: str


class ClustersMerged(_Event):
    """`cluster` lives on as an alias of `into`."""

    event: Literal["clusters_merged"] = "clusters_merged"
    cluster: str
    into: str
    into_opening: str | None = None
    """As `opening`, of `into`."""
    why: tuple[Why, ...] = ()


class ClusterSplit(_Event):
    """Members (and signatures, where they go along whole) left `cluster` for the new `new`."""

    event: Literal["cluster_split"] = "cluster_split"
    cluster: str
    new: str
    title: str
    members: tuple[str, ...]
    signatures: tuple[str, ...] = ()
    why: tuple[Why, ...] = ()


class StatusChanged(_Event):
    """Opened again, probed, designed, resolved: with the run that decided."""

    event: Literal["status_changed"] = "status_changed"
    cluster: str
    status: ClusterStatus
    reason: str
    stamp: str | None = None
    evidence: tuple[str, ...] = ()


class AttemptRecorded(_Event):
    """Something was tried: a phase ran, with its result and where the evidence lies."""

    event: Literal["attempt_recorded"] = "attempt_recorded"
    cluster: str
    phase: Literal["a", "b", "c", "d"]
    campaign: str
    stamp: str
    summary: str
    evidence: tuple[str, ...] = ()


class OwnerSet(_Event):
    """Who takes care."""

    event: Literal["owner_set"] = "owner_set"
    cluster: str
    owner: str


class Renamed(_Event):
    """A better title."""

    event: Literal["renamed"] = "renamed"
    cluster: str
    title: str


class CriterionMet(_Event):
    """An exit criterion held, in its scope, so many times."""

    event: Literal["criterion_met"] = "criterion_met"
    cluster: str
    criterion: str
    scope: str
    runs: int
    stamp: str
    evidence: tuple[str, ...] = ()


class ClusterRenumbered(_Event):
    """Two branches allotted `cluster`; the one that event `opening` opened is called `new` from now on."""

    event: Literal["cluster_renumbered"] = "cluster_renumbered"
    cluster: str
    new: str


class RuleBound(_Event):
    """A rule of plans/cluster_rules.toml has decided for the first time, and `cluster` is what it fills."""

    event: Literal["rule_bound"] = "rule_bound"
    rule: str
    cluster: str


class ProposalMade(_Event):
    """A merge or split that evidence suggests and nobody has decided."""

    event: Literal["proposal_made"] = "proposal_made"
    cluster: str
    kind: Literal["merge", "split"]
    with_cluster: str | None = None
    with_opening: str | None = None
    """As `opening`, of `with_cluster`."""
    members: tuple[str, ...] = ()
    why: tuple[Why, ...] = ()


class ProposalDropped(_Event):
    """Somebody or an experiment decided against a proposal; it is not made again."""

    event: Literal["proposal_dropped"] = "proposal_dropped"
    cluster: str
    with_cluster: str
    with_opening: str | None = None
    """As `opening`, of `with_cluster`."""
    reason: str


Event = Annotated[
    NumberingStarted
    | ClusterOpened
    | SignatureAdded
    | MembersAdded
    | ClustersMerged
    | ClusterSplit
    | StatusChanged
    | AttemptRecorded
    | OwnerSet
    | Renamed
    | CriterionMet
    | ClusterRenumbered
    | ProposalMade
    | ProposalDropped
    | RuleBound,
    Field(discriminator="event"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)

"""Events of the append-only record of decisions, `plans/journal.jsonl`.

One event a line. `id` follows from what the event says, so that a decision that two branches made alike
is one event, and a changed author, time or content shows. Reading keeps the order of `at`, then of `id`.

The lines are a chain: each names the lines that nothing had followed when it was written (`parents`, see
`triage.evidence.chain`). An event that cites evidence names the digest of the manifest that sealed it.

Two branches may have allotted the same number. What tells them apart is `opening`: the id of the event
that opened the cluster which is meant.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from triage.model.base import Value
from triage.model.cluster import ClusterStatus, Why

CHAINED: Final = 2
"""The first version whose events are links of a chain, with ids that can be computed again."""
_ID_DIGITS = 16
"""Enough that two events of one project never share an id by accident."""


class _Event(Value):
    id: str
    at: str
    """UTC, ISO 8601 with microseconds and Z."""
    by: str
    """Who decided: `triage run`, a person's name, `triage verify`."""
    v: Literal[1, 2] = CHAINED
    """1: written before there was a chain."""
    parents: tuple[str, ...] = ()
    """Digests of the lines that this one follows; filled in when it is appended."""
    opening: str | None = None
    """Id of the event that opened the cluster meant; None where the number was clear."""


class _CitesEvidence(_Event):
    evidence: tuple[str, ...] = ()
    """Files of STAMP folders, relative to the root."""
    manifests: dict[str, str] = {}
    """STAMP folder of the evidence to the digest of its manifest; filled in when the event is appended."""


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
    latent: bool = False
    """By a hunt: the tests are green as they stand, and `stamp` is that of the hunt."""


class SignatureAdded(_Event):
    """A further signature is now known to be of this cluster."""

    event: Literal["signature_added"] = "signature_added"
    cluster: str
    signature: str
    stamp: str
    moved_from: str | None = None
    """The signature that the same failure had before its files were renamed."""
    why: tuple[Why, ...] = ()


class Relocation(Value):
    """A file or a test that has another name now."""

    old: str
    """Relative to the root: a file, or `file::Class::test` without parameters."""
    new: str
    how: str
    """How it is known, such as `renamed in 1a2b3c4d5e6f`."""


class FilesMoved(_Event):
    """Files or tests of known clusters were renamed; from here on their members have the new names."""

    event: Literal["files_moved"] = "files_moved"
    moves: tuple[Relocation, ...]
    stamp: str


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


class StatusChanged(_CitesEvidence):
    """Opened again, probed, designed, resolved: with the run that decided."""

    event: Literal["status_changed"] = "status_changed"
    cluster: str
    status: ClusterStatus
    reason: str
    stamp: str | None = None


class AttemptRecorded(_CitesEvidence):
    """Something was tried: a phase ran, with its result and where the evidence lies."""

    event: Literal["attempt_recorded"] = "attempt_recorded"
    cluster: str
    phase: Literal["a", "b", "c", "d"]
    campaign: str
    stamp: str
    summary: str


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


class CriterionMet(_CitesEvidence):
    """An exit criterion held, in its scope, so many times."""

    event: Literal["criterion_met"] = "criterion_met"
    cluster: str
    criterion: str
    scope: str
    runs: int
    stamp: str


class RunRecorded(_CitesEvidence):
    """A run of phase A was sealed; nobody can seal it again unnoticed."""

    event: Literal["run_recorded"] = "run_recorded"
    campaign: str
    stamp: str
    fixed: tuple[str, ...] = ()
    """Open clusters of which every test passed in it: they can be closed."""


class EvidencePruned(_Event):
    """STAMP folders that nothing cited were removed; each with the digest of its manifest."""

    event: Literal["evidence_pruned"] = "evidence_pruned"
    folders: dict[str, str]
    keep_days: int
    """Younger folders stayed."""
    keep_runs: int
    """So many newest folders of each campaign and phase stayed."""


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


class FlakySeen(_Event):
    """A test of the cluster was red and green within one run, for the first time."""

    event: Literal["flaky_seen"] = "flaky_seen"
    cluster: str
    nodeid: str
    stamp: str
    runs: int
    """Executions in that run."""
    failed: int


class Quarantined(_Event):
    """Somebody vouches for a cluster (or for a test) until a day: the gate lets it pass."""

    event: Literal["quarantined"] = "quarantined"
    cluster: str | None = None
    nodeid: str | None = None
    """Where no cluster is named."""
    until: date
    owner: str
    reason: str


class QuarantineLifted(_Event):
    """The quarantine of a cluster or a test is over."""

    event: Literal["quarantine_lifted"] = "quarantine_lifted"
    cluster: str | None = None
    nodeid: str | None = None
    reason: str


Event = Annotated[
    NumberingStarted
    | ClusterOpened
    | SignatureAdded
    | FilesMoved
    | MembersAdded
    | ClustersMerged
    | ClusterSplit
    | StatusChanged
    | AttemptRecorded
    | OwnerSet
    | Renamed
    | CriterionMet
    | RunRecorded
    | EvidencePruned
    | ClusterRenumbered
    | ProposalMade
    | ProposalDropped
    | RuleBound
    | FlakySeen
    | Quarantined
    | QuarantineLifted,
    Field(discriminator="event"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event, config=ConfigDict(defer_build=True))


def content_id(event: Event) -> str:
    """The id that follows from all that an event says, whatever line it was appended after.

    Fields at their default are left out, so that a field that is new in this version changes no older id.
    """
    said = event.model_dump(mode="json", exclude={"id", "parents"}, exclude_defaults=True)
    return _digest({**said, "event": event.event})


def with_evidence(event: Event, manifests: dict[str, str]) -> Event:
    """The event with the digests of the manifests that it relies on, and the id that follows from them."""
    cited = event.model_copy(update={"manifests": manifests})
    return cited.model_copy(update={"id": content_id(cited)})


def _digest(content: dict[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_ID_DIGITS]

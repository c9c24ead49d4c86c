"""A run's clusters under the decisions that were made since."""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote

from triage.cluster.book import Book
from triage.model.cluster import Cluster, ClusterStatus, RunState, Why
from triage.model.journal import ProposalMade

_ORDER = (
    RunState.REGRESSED, RunState.NEW, RunState.KNOWN, RunState.NOT_RUN, RunState.SKIPPED, RunState.FIXED,
    RunState.NOT_COLLECTED,
)  # fmt: skip
_SEEN = frozenset({RunState.REGRESSED, RunState.NEW, RunState.KNOWN})


def as_decided(book: Book, in_run: Iterable[Cluster]) -> list[Cluster]:
    """Every cluster of the journal, by number; members, states and evidence as the run has them.

    A cluster that was merged since counts to the one that it is part of; one that the journal does not
    know (a trial run without ledgers) stays as the run has it.
    """
    parts: dict[str, list[Cluster]] = {}
    for cluster in in_run:
        home = book.resolve(cluster.id) if cluster.id in book.clusters else cluster.id
        parts.setdefault(home, []).append(cluster)
    known = {
        cluster_id: _one(cluster, parts.get(cluster_id, [])) for cluster_id, cluster in book.clusters.items()
    }
    trial = {cluster_id: found[0] for cluster_id, found in parts.items() if cluster_id not in known}
    return sorted((with_proposals(book, c) for c in (known | trial).values()), key=lambda c: c.number)


def _one(cluster: Cluster, parts: list[Cluster]) -> Cluster:
    states = [part.state_in_run for part in parts if part.state_in_run is not None]
    state = min(states, key=_ORDER.index, default=None)
    seen = [part for part in parts if part.state_in_run in _SEEN]
    members = sorted({nodeid for part in seen for nodeid in part.members}) or cluster.members
    stamps = [part.last_seen for part in parts if part.last_seen] + [cluster.last_seen or ""]
    if cluster.status is ClusterStatus.MERGED:
        state = None
    return cluster.model_copy(
        update={"state_in_run": state, "members": tuple(members), "last_seen": max(stamps) or None}
    )


def with_proposals(book: Book, cluster: Cluster) -> Cluster:
    """The cluster with what evidence suggests and nobody has decided, each with its command."""
    proposed = [
        why.model_copy(update={"proposal": True, "confirm": _command(made, book)})
        for made in book.proposals
        if cluster.id in _about(made, book)
        for why in made.why or (Why(kind="message", detail="proposed"),)
    ]
    fresh = [why for why in proposed if why not in cluster.why]
    return cluster.model_copy(update={"why": (*cluster.why, *fresh)})


def _about(made: ProposalMade, book: Book) -> tuple[str, ...]:
    """The clusters that a proposal is about, under the ids that they have now."""
    named = (made.with_cluster, made.cluster)
    return tuple(book.resolve(name) for name in named if name is not None and name in book.clusters)


def _command(made: ProposalMade, book: Book) -> str:
    """What would confirm it, in the ids of today: they may have been renumbered or merged since."""
    verb = ("split", *_about(made, book)[:1], *map(quote, made.members))
    return " ".join(("triage", *(verb if made.kind == "split" else ("merge", *_about(made, book)))))

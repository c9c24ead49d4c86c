"""What experiments say of clusters: failures that flip together under one factor share a cause, those that
do not are told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from triage.cluster.book import Book
from triage.cluster.context import Context, Flip
from triage.cluster.join import Join, star
from triage.cluster.mint import EventMint
from triage.cluster.place import Unit
from triage.model.cluster import Cluster, Why
from triage.model.journal import ClusterSplit, Event, ProposalMade

_UNSPECIFIC = ("alone:", "order:", "repeat:", "seed:", "workers:")
"""Factors that make failures of many causes pass at once; they prove nothing about a common one."""


def flipped_together(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Units all of whose tests passed once one specific factor was changed."""
    for flip in context.flips:
        if flip.factor.startswith(_UNSPECIFIC):
            continue
        together = [index for index, unit in enumerate(units) if set(unit.members) <= flip.flipped]
        detail = f"all pass with {flip.factor}" + (f" ({flip.evidence})" if flip.evidence else "")
        yield from star(together, Why(kind="experiment", detail=detail))


def told_apart(units: Sequence[Unit], flips: Sequence[Flip]) -> frozenset[frozenset[int]]:
    """Pairs of units of which one flipped whole and the other did not move."""
    pairs: set[frozenset[int]] = set()
    for flip in flips:
        moved = [index for index, unit in enumerate(units) if set(unit.members) <= flip.flipped]
        stayed = [index for index, unit in enumerate(units) if set(unit.members) <= flip.unmoved]
        pairs.update(frozenset((one, other)) for one in moved for other in stayed)
    return frozenset(pairs)


def conclusions(book: Book, mint: EventMint, flips: Sequence[Flip]) -> list[Event]:
    """What experiments decide of known clusters, as events.

    A cluster of which some tests flipped and others, tried alike, did not is split; two clusters that
    flipped whole under one specific factor are proposed to be one.
    """
    splits: list[Event] = []
    proposals: list[Event] = []
    for flip in flips:
        whole: list[str] = []
        for cluster in book.live:
            members = set(cluster.members)
            moved, stayed = members & flip.flipped, members & flip.unmoved
            if moved and stayed:
                new = f"C{book.next_number + len(splits)}"
                splits.append(_split(mint, cluster, new, stayed, flip))
            elif moved == members:
                whole.append(cluster.id)
        if not flip.factor.startswith(_UNSPECIFIC):
            proposals.extend(_proposed(book, mint, whole, flip))
    return splits + proposals


def _split(mint: EventMint, cluster: Cluster, new: str, stayed: set[str], flip: Flip) -> ClusterSplit:
    detail = f"with {flip.factor} the others pass and these do not"
    return mint.make(
        ClusterSplit,
        cluster=cluster.id,
        new=new,
        title=f"{cluster.title} (not mended by {flip.factor})"[:200],
        members=tuple(sorted(stayed)),
        why=(Why(kind="experiment", detail=detail),),
    )


def _proposed(book: Book, mint: EventMint, whole: list[str], flip: Flip) -> Iterator[Event]:
    for other in whole[1:]:
        pair = frozenset((whole[0], other))
        if pair in book.dropped or any(
            {made.cluster, made.with_cluster} == set(pair) for made in book.proposals
        ):
            continue
        why = Why(
            kind="experiment",
            detail=f"both pass with {flip.factor}",
            proposal=True,
            confirm=f"triage merge {whole[0]} {other}",
        )
        yield mint.make(ProposalMade, cluster=other, kind="merge", with_cluster=whole[0], why=(why,))

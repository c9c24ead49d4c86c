"""What a rule file would move, before anybody decides on it."""

from __future__ import annotations

from typing import NamedTuple

from triage.cluster.assign import assign
from triage.cluster.book import Book
from triage.cluster.context import Context
from triage.cluster.gather import Sign
from triage.cluster.mint import EventMint
from triage.cluster.rules import Rules
from triage.model.run import RunRecord


class Move(NamedTuple):
    """One failure that a rule would put elsewhere."""

    nodeid: str
    origin: str
    """The cluster that it has without the rules."""
    target: str
    """The cluster that it would have."""


def preview(
    record: RunRecord,
    book: Book,
    rules: Rules,
    *,
    sign: Sign,
    mint: EventMint,
    context: Context | None = None,
) -> list[Move]:
    """The failures of a run that the rules would move, by node id; nothing is recorded."""
    without = assign(record, book, sign=sign, mint=mint, context=context).cluster_of
    under = assign(record, book, sign=sign, mint=mint, rules=rules, context=context).cluster_of
    return [
        Move(slot[0], without[slot], target)
        for slot, target in sorted(under.items())
        if without[slot] != target
    ]

"""What a rule file would move, before anybody decides on it."""

from __future__ import annotations

from typing import NamedTuple

from triage.cluster.assign import assign
from triage.cluster.book import Book
from triage.cluster.context import Context
from triage.cluster.gather import Sign, Slot, failures_of
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
    rules: tuple[str, ...]
    """The rules that match it, the one that decides first; of several the others go without."""


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
    failures = {seen.slot: seen.failure for seen in failures_of(record)}

    def matching(slot: Slot) -> tuple[str, ...]:
        fields = {**sign(failures[slot])[0].fields, "test": slot[0]}
        return tuple(rule.name for rule in rules.all(fields))

    without = assign(record, book, sign=sign, mint=mint, context=context).cluster_of
    under = assign(record, book, sign=sign, mint=mint, rules=rules, context=context).cluster_of
    return [
        Move(slot[0], without[slot], target, matching(slot))
        for slot, target in sorted(under.items())
        if without[slot] != target and matching(slot)
    ]

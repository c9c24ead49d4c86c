"""How a person's decision reaches the journal: under the lock, checked against what is true now."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from triage.cli import compose
from triage.cli.context import App
from triage.cluster.book import Book
from triage.cluster.mint import EventMint
from triage.model.journal import Event
from triage.phase.ledgers import update_ledgers

Decision = Callable[[Book, EventMint], Sequence[Event]]
"""Events of a decision on the book as it is; raises `UsageError` where it makes no sense."""


def decide(app: App, decision: Decision) -> tuple[Book, tuple[Event, ...]]:
    """Append what was decided and render the ledgers; the journal stays as it was if anything is wrong."""
    tools = compose.tools(app)
    with tools.deciding():
        before = tools.book()
        events = tuple(decision(before, before.mint(app.world.timestamp(), app.world.actor)))
        after = Book.of((*before.events, *events))
        tools.journal.append(events)
        for line in update_ledgers(app.root, after):
            app.note(f"updated {line}")
    return after, events

"""How a person's decision reaches the journal from the command line."""

from __future__ import annotations

from triage.cli import compose
from triage.cli.context import App
from triage.cluster.book import Book
from triage.model.journal import Event
from triage.phase import deciding


def decide(app: App, decision: deciding.Decision) -> tuple[Book, tuple[Event, ...]]:
    """Append what was decided and render the ledgers; the journal stays as it was if anything is wrong."""
    return deciding.decide(compose.tools(app), decision, app.world.actor)

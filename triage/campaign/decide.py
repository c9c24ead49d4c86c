"""How a decision becomes true: into the journal under the lock, then into every view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from triage.campaign.services import Tools
from triage.cluster.event_factory import EventMint
from triage.cluster.registry import Book
from triage.documents.ledgers import check_regions, update_ledgers
from triage.documents.plans import update_plans
from triage.documents.render import project_templates
from triage.errors import TriageError
from triage.model.journal import Event

Decision = Callable[[Book, EventMint], Sequence[Event]]
"""Events of a decision on the book as it is; raises `UsageError` where it makes no sense."""


def decide(tools: Tools, decision: Decision, by: str) -> tuple[Book, tuple[Event, ...]]:
    """Append what was decided and render the views; the journal stays as it was if anything is wrong."""
    with tools.deciding():
        check_regions(tools.root)
        before = tools.book()
        events = tuple(decision(before, before.mint(tools.world.timestamp(), by)))
        after = Book.of((*before.events, *events))
        tools.journal.append(events)
        refresh(tools)
    return after, events


def refresh(tools: Tools) -> None:
    """Render ledgers and plans from the journal; one that cannot be written is said, and rendered later."""
    templates = templates_of(tools)
    for update in (update_ledgers, update_plans):
        try:
            lines = update(tools.root, tools.book(), templates)
        except TriageError as error:
            lines = [f"nothing: {error}"]
        for line in lines:
            tools.progress.note(f"updated {line}")


def templates_of(tools: Tools) -> Mapping[str, str]:
    """The shipped templates, with the team's own in their place."""
    return project_templates(tools.root, tools.settings.templates)

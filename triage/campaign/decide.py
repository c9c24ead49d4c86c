"""Write a decision into the journal under the lock, then into every view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from triage.campaign.explanation import repairs_proposed
from triage.campaign.services import Services
from triage.cluster.event_factory import EventFactory
from triage.cluster.registry import ClusterRegistry
from triage.documents.ledgers import check_regions, update_ledgers
from triage.documents.plans import update_plans
from triage.documents.render import project_templates
from triage.errors import TriageError
from triage.model.journal import Event

Decision = Callable[[ClusterRegistry, EventFactory], Sequence[Event]]
"""Events of a decision on the journal as it is; raises `UsageError` where it makes no sense."""


def decide(services: Services, decision: Decision, by: str) -> tuple[ClusterRegistry, tuple[Event, ...]]:
    """Append what was decided and render the views; the journal stays as it was if anything is wrong.

    Gives the state after it, and all that was appended: what two branches did apart is mended first.
    """
    with services.decision_lock():
        check_regions(services.output)
        before = services.registry()
        events = services.append(
            before, decision(before, before.event_factory(services.world.timestamp(), by))
        )
        after = before.followed_by(events)
        refresh(services, after)
    return after, events


def refresh(services: Services, registry: ClusterRegistry | None = None) -> None:
    """Render ledgers and plans from the journal; one that cannot be written is said, and rendered later.

    `registry` saves reading the journal again where its state is known.
    """
    templates = templates_of(services)
    present = services.registry() if registry is None else registry
    repairs = repairs_proposed(services.output, present)
    updates: tuple[Callable[[], list[str]], ...] = (
        partial(update_ledgers, services.output, present, templates, repairs),
        partial(update_plans, services.output, present, templates),
    )
    for update in updates:
        try:
            lines = update()
        except TriageError as error:
            lines = [f"nothing: {error}"]
        for line in lines:
            services.progress.note(f"updated {line}")


def templates_of(services: Services) -> Mapping[str, str]:
    """The shipped templates, with the team's own in their place."""
    return project_templates(services.root, services.settings.templates)

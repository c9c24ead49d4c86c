"""`triage show`: all that is known of one cluster."""

from __future__ import annotations

import click

from triage.cli.context import App, app_command, examples
from triage.cli.lookup import latest_run
from triage.cli.states import states_of
from triage.model.journal import Event
from triage.phase.overview import next_steps


@app_command(epilog=examples("triage show C19", "triage show C19 --json"))
@click.argument("cluster")
def command(app: App, cluster: str) -> None:
    """All that is known of one cluster: members, signatures, what was tried, what is next."""
    book, latest = app.book(), latest_run(app)
    found = book.cluster(cluster)
    states = states_of(app, latest)
    events = book.events_of(found.id)
    steps = [step for step in next_steps(book, latest, states) if step.cluster == found.id]
    document = found.model_dump(mode="json") | {"state_in_run": states.get(found.id)}
    document["events"] = [event.model_dump(mode="json", exclude_none=True) for event in events]
    document["next"] = steps[0].command if steps else None
    app.emit(document)
    also = f" (also {', '.join(found.aliases)})" if found.aliases else ""
    app.say(f"{found.id}{also}  {found.title}")
    app.say(
        f"  status {found.status}, in the latest run {states.get(found.id) or '-'},"
        f" owner {found.owner or '-'}"
    )
    app.say(f"  first seen {found.first_seen or '-'}, last seen {found.last_seen or '-'}")
    for name, rows in (("members", found.members), ("signatures", found.signatures)):
        app.say(f"  {name}:")
        for row in rows:
            app.say(f"    {row}")
    app.say("  history:")
    for event in events:
        app.say(f"    {event.at[:19]}Z {_told(event)} ({event.by})")
    if steps:
        app.say(f"  next: {steps[0].command}   # {steps[0].reason}")


def _told(event: Event) -> str:
    """The event in a few words: what it is, then what stands in it."""
    beside = {"id", "at", "by", "v", "event", "cluster", "opening", "into_opening", "with_opening"}
    detail = event.model_dump(mode="json", exclude=beside, exclude_none=True)
    shown = {
        name: len(value) if isinstance(value, list) else value for name, value in detail.items() if value
    }
    words = ", ".join(f"{name} {value}" for name, value in shown.items())
    return f"{event.event.replace('_', ' ')}: {words}" if words else event.event.replace("_", " ")

"""`triage doctor`: what is wrong here, and how to mend it."""

from __future__ import annotations

import click

from triage.cli import compose
from triage.cli.context import App, app_command, examples
from triage.errors import ExitCode


@app_command(epilog=examples("triage doctor", "triage doctor --mend"))
@click.option("--mend", is_flag=True, help="Renumber clusters where two branches allotted the same number.")
def command(app: App, mend: bool) -> ExitCode:
    """Say what is wrong with this machine, these settings and these ledgers; exit 1 where anything is."""
    from triage.phase.doctor import examine

    if mend:
        _renumber(app)

    def open_store() -> None:
        compose.store(app.settings, app.root).close()

    findings = list(examine(app.root, app.settings, open_store))
    app.emit({"root": str(app.root), "findings": [finding.model_dump() for finding in findings]})
    for finding in findings:
        hint = f"; {finding.mend}" if finding.mend else ""
        app.say(f"{finding.level:<8} {finding.what}{hint}")
    return ExitCode.FAILURES if any(finding.level == "error" for finding in findings) else ExitCode.OK


def _renumber(app: App) -> None:
    from triage.cluster.mint import EventMint
    from triage.cluster.reconcile import reconcile

    book = app.book()
    events = reconcile(book, EventMint(app.world.timestamp(), app.world.actor, book.lineage))
    app.journal.append(events)
    for event in events:
        app.note(f"{event.event.replace('_', ' ')}: {event.cluster}")

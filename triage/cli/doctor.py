"""`triage doctor`: what is wrong here, and how to mend it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from triage.cli import compose
from triage.cli.context import App, app_command, examples
from triage.errors import ExitCode


@app_command(epilog=examples("triage doctor", "triage doctor --mend"))
@click.option(
    "--mend",
    is_flag=True,
    help="Renumber clusters that two branches allotted; render the ledgers.",
)
def command(app: App, mend: bool) -> ExitCode:
    """Say what is wrong with this machine, these settings and these ledgers; exit 1 where anything is."""
    from triage.phase.doctor import examine

    if mend:
        _mend(app)

    def open_store() -> None:
        compose.store(app.settings, app.root).close()

    scratch, now = Path(tempfile.gettempdir()), app.world.now().timestamp()
    findings = list(examine(app.root, app.settings, open_store, scratch=scratch, now=now))
    app.emit({"root": str(app.root), "findings": [finding.model_dump() for finding in findings]})
    for finding in findings:
        hint = f"; {finding.mend}" if finding.mend else ""
        app.say(f"{finding.level:<8} {finding.what}{hint}")
    return ExitCode.FAILURES if any(finding.level == "error" for finding in findings) else ExitCode.OK


def _mend(app: App) -> None:
    from triage.cli.decide import decide
    from triage.cluster.reconcile import reconcile

    _, events = decide(app, reconcile)
    for event in events:
        app.note(f"{event.event.replace('_', ' ')}: {getattr(event, 'cluster', '')}")

"""`triage next`: what to do next, computed from the state."""

from __future__ import annotations

import click

from triage.cli.context import App, app_command, examples
from triage.cli.lookup import latest_run
from triage.cli.states import states_of
from triage.phase.overview import next_steps


@app_command(epilog=examples("triage next", "triage next --limit 1 --json"))
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="At most so many steps.")
def command(app: App, limit: int) -> None:
    """What to do next, most urgent first: computed from the journal and the latest run."""
    latest = latest_run(app)
    steps = next_steps(app.book(), latest, states_of(app, latest))
    app.emit(
        {
            "steps": [step.model_dump(mode="json") for step in steps[:limit]],
            "more": max(0, len(steps) - limit),
        }
    )
    for step in steps[:limit]:
        app.say(f"{step.command:<28} # {step.reason}")
    if not steps:
        app.say("nothing to do: every cluster is resolved")

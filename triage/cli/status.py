"""`triage status`: where the campaign stands."""

from __future__ import annotations

from collections import Counter

import click

from triage.campaign.next_steps import next_steps
from triage.cli.context import App, app_command, examples
from triage.cli.lookup import latest_run, states_of


@app_command(epilog=examples("triage status", "triage status --json"))
def status_command(app: App) -> None:
    """Where the campaign stands: the latest run, clusters by status, what is next."""
    registry, latest = app.registry(), latest_run(app)
    states = states_of(app, latest)
    steps = next_steps(registry, latest, states)
    tally = Counter(cluster.status.value for cluster in registry.clusters.values())
    app.emit(
        {
            "root": str(app.root),
            "latest": latest and {
                "stamp": latest.stamp, "campaign": latest.campaign, "complete": latest.complete,
                "void": latest.void, "counts": latest.counts.model_dump(),
            },
            "clusters": [
                {"id": c.id, "title": c.title, "status": c.status.value, "owner": c.owner,
                 "state_in_run": states.get(c.id), "members": len(c.members)}
                for c in registry.clusters.values()
            ],
            "by_status": dict(tally),
            "proposals": len(registry.proposals),
            "next": steps[0].model_dump(mode="json") if steps else None,
        }
    )  # fmt: skip
    if latest is None:
        app.say("no run is recorded")
    else:
        state = f"VOID: {latest.void}" if latest.void else ("complete" if latest.complete else "INCOMPLETE")
        counts = ", ".join(f"{n} {k}" for k, n in latest.counts.model_dump().items() if n)
        app.say(f"{latest.campaign} {latest.stamp}: {state}; {counts}")
    for cluster in registry.live:
        state_in_run = states.get(cluster.id)
        owner = f"  @{cluster.owner}" if cluster.owner else ""
        app.say(
            f"{cluster.id:<5} {cluster.status:<9} {state_in_run or '-':<13} {len(cluster.members):>3} tests"
            f"  {cluster.title}{owner}"
        )
    for step in steps[:1]:
        app.say(f"next: {step.command}   # {step.reason}")


@app_command(epilog=examples("triage next", "triage next --limit 1 --json"))
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="At most so many steps.")
def next_command(app: App, limit: int) -> None:
    """What to do next, most urgent first: computed from the journal and the latest run."""
    latest = latest_run(app)
    steps = next_steps(app.registry(), latest, states_of(app, latest))
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

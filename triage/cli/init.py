"""`triage init`: write [tool.triage], the ledgers and .gitattributes."""

from __future__ import annotations

import click

from triage.cli import compose
from triage.cli.context import App, app_command, examples


@app_command(epilog=examples("triage init", "triage init --next-cluster 19"))
@click.option(
    "--next-cluster",
    type=click.IntRange(1),
    metavar="N",
    help="Go on numbering where a hand-made tracker stopped.",
)
def command(app: App, next_cluster: int | None) -> None:
    """Write [tool.triage], the ledgers and .gitattributes; what is there already is kept."""
    from triage.phase.setting_up import set_up

    done = set_up(compose.tools(app), next_cluster)
    app.emit({"root": str(app.root), "written": done})
    for line in done or ["everything is there already"]:
        app.say(line)
    app.say("next: triage run")

"""`triage assign`: who takes care of a cluster."""

from __future__ import annotations

import click

from triage.cli.context import App, app_command, examples
from triage.cli.decide import decide
from triage.cluster.decisions import own


@app_command(epilog=examples("triage assign C4 --owner ada"))
@click.argument("cluster")
@click.option("--owner", required=True, metavar="NAME", help="A person or a team.")
def command(app: App, cluster: str, owner: str) -> None:
    """Say who takes care of a cluster."""
    book, _ = decide(app, lambda book, mint: own(book, mint, cluster, owner))
    found = book.cluster(cluster)
    app.emit(found)
    app.say(f"{found.id} belongs to {found.owner}")

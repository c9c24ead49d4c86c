"""`triage rename`: a better title for a cluster."""

from __future__ import annotations

import click

from triage.cli.context import App, app_command, examples
from triage.cli.decide import decide
from triage.cluster.decisions import rename


@app_command(epilog=examples("triage rename C19 'Zero intensity in the gradient fixture'"))
@click.argument("cluster")
@click.argument("title")
def command(app: App, cluster: str, title: str) -> None:
    """Give a cluster a better title; its id and its members stay."""
    book, _ = decide(app, lambda book, mint: rename(book, mint, cluster, title))
    found = book.cluster(cluster)
    app.emit(found)
    app.say(f"{found.id}  {found.title}")

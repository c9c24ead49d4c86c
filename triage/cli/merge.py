"""`triage merge`: clusters that have one cause."""

from __future__ import annotations

import click

from triage.cli.context import App, app_command, examples
from triage.cli.decide import decide
from triage.cluster.decisions import merge


@app_command(epilog=examples("triage merge C4 C7", "triage merge C4 C7 C9 --reason 'the same missing file'"))
@click.argument("clusters", nargs=-1, required=True)
@click.option("--reason", help="Why; kept in the journal.")
def command(app: App, clusters: tuple[str, ...], reason: str | None) -> None:
    """Decide that clusters have one cause: all become part of the first one named.

    Every later run keeps it; the other ids stay as aliases and are never used again.
    """
    book, _ = decide(app, lambda book, mint: merge(book, mint, clusters, reason))
    merged = book.cluster(clusters[0])
    app.emit(merged)
    app.say(f"{merged.id} now has {len(merged.members)} tests and the aliases {', '.join(merged.aliases)}")

"""`triage diff`: what changed between two runs."""

from __future__ import annotations

import click

from triage.cli.context import App, app_command, examples
from triage.cli.lookup import load_results, read_failures, run_folder
from triage.phase.compare import compare


@app_command(
    epilog=examples("triage diff 20261123T061000Z 20261124T061000Z", "triage diff STAMP STAMP --json")
)
@click.argument("old")
@click.argument("new")
def command(app: App, old: str, new: str) -> None:
    """What changed from one run to the other: broken, mended, other reason, added, gone."""
    signatures = []
    for stamp in (old, new):
        found: dict[str, set[str]] = {}
        for row in read_failures(run_folder(app, stamp).path):
            found.setdefault(row["nodeid"], set()).add(row["signature"])
        signatures.append(found)
    before, after = load_results(app, old), load_results(app, new)
    changes = compare(before, after, signatures[0], signatures[1])
    app.emit({"old": old, "new": new, "comparable": before.complete and after.complete, **changes})
    for name, nodeids in changes.items():
        for nodeid in nodeids:
            app.say(f"{name:<13} {nodeid}")
    for record in (before, after):
        if not record.complete:
            app.note(f"{record.stamp} is incomplete: what it did not run is not counted as a change")
    app.say(", ".join(f"{len(nodeids)} {name}" for name, nodeids in changes.items()))

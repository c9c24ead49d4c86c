"""`triage collect`: the shards of one run become one run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from triage.cli import compose
from triage.cli.context import App, app_command, examples
from triage.errors import ExitCode, UsageError


@app_command(
    epilog=examples(
        "triage collect 20261123T061000Z 20261123T061001Z 20261123T061002Z",
        "triage collect --shards artifacts/",
        "triage collect --shards artifacts/ --stamp 20261123T070000Z --json",
    )
)
@click.argument("stamps", nargs=-1, metavar="[STAMP]...")
@click.option(
    "--shards", metavar="DIR", type=click.Path(path_type=Path), help="Folder with the shards' evidence in it."
)
@click.option("--stamp", metavar="STAMP", help="Name of the joined run; default: the time, UTC.")
@click.option("--campaign", metavar="NAME", help="Folder under reports/.")
@click.option("--no-ledgers", is_flag=True, help="Change nothing outside of the run's own folder.")
def command(app: App, stamps: tuple[str, ...], **options: Any) -> ExitCode:
    """Join the shards of one run: finds missing and double ones, gives the clusters of one run.

    Exit 3 where a shard is missing: its tests are listed as not run.
    """
    from triage.evidence.folder import EvidenceFolder
    from triage.phase.baseline import conclude
    from triage.run.gather import gather, read_record, shard_folders
    from triage.run.shards import joined

    if bool(stamps) == bool(options["shards"]):
        raise UsageError("no-shards", "name STAMPs or --shards DIR", "see `triage collect --help`")
    app.flags = {"campaign": options["campaign"]}
    tools = compose.tools(app)
    notes: list[str] = []
    if options["shards"]:
        sources, notes = shard_folders(options["shards"])
    else:
        sources = [EvidenceFolder.find(app.root, stamp, phase="a").path for stamp in stamps]
    joined([read_record(source) for source in sources], stamp="", campaign="")
    folder = compose.run_folder(app, options["stamp"], None)
    record = gather(sources, folder, notes)
    concluded = conclude(tools, record, folder, ledgers=not options["no_ledgers"])
    counts = record.counts
    app.emit(
        {
            "stamp": record.stamp,
            "folder": folder.relative(app.root),
            "shards": len(sources),
            "complete": record.complete,
            "void": record.void,
            "counts": counts.model_dump(exclude={"collect_errors"}),
            "collect_errors": counts.collect_errors,
            "clusters": [cluster.model_dump(mode="json") for cluster in concluded.clusters],
            "notes": record.notes,
        }
    )
    if record.void:
        app.say(f"VOID: {record.void}")
    shown = ", ".join(f"{number} {name}" for name, number in counts.model_dump().items() if number)
    app.say(f"{record.stamp}: {len(sources)} shards: {shown or 'no tests'}")
    for note in record.notes:
        app.say(f"note: {note}")
    app.say(f"evidence: {folder.relative(app.root)}/summary.md")
    return concluded.exit_code

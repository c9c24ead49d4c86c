"""`triage results`: every planned test with its one outcome."""

from __future__ import annotations

import click

from triage.cli.context import App, app_command, examples
from triage.cli.lookup import read_failures, read_record, result_rows, run_folder
from triage.errors import ExitCode


@app_command(
    epilog=examples(
        "triage results", "triage results 20261123T061000Z --json", "triage results --only failed"
    )
)
@click.argument("stamp", required=False)
@click.option(
    "--only", "only", multiple=True, metavar="OUTCOME", help="Show these outcomes alone; may be given again."
)
def command(app: App, stamp: str | None, only: tuple[str, ...]) -> ExitCode:
    """Every planned test of a run (default: the latest) with its one outcome."""
    folder = run_folder(app, stamp).path
    record = read_record(folder)
    rows = result_rows(record, read_failures(folder))
    counts = record.counts
    app.emit(
        {
            "stamp": record.stamp,
            "complete": record.complete,
            "void": record.void,
            "counts": counts.model_dump(exclude={"collect_errors"}),
            "collect_errors": counts.collect_errors,
            "results": rows,
        }
    )
    for row in rows:
        if not only or row["outcome"] in only:
            app.say(f"{row['outcome']:<9} {row['nodeid']}")
    app.say(
        f"{record.stamp}: {counts.collected} collected, "
        + ", ".join(
            f"{number} {name}" for name, number in counts.model_dump(exclude={"collected"}).items() if number
        )
    )
    return ExitCode.VOID if record.void else ExitCode.OK

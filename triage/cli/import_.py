"""`triage import`: reports of other tools as a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from triage.cli import compose
from triage.cli.context import App, app_command, examples
from triage.errors import ExitCode

if TYPE_CHECKING:
    from triage.model.run import RunRecord


@app_command(
    epilog=examples(
        "triage import junit.xml",
        "triage import build/reports/ --stamp 20261123T061000Z --campaign nightly",
        "triage import pytest.log --no-ledgers --json",
        "pytest --triage-record record/; triage import record/",
    )
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("--stamp", metavar="STAMP", help="Name of this run; default: the time, UTC.")
@click.option("--campaign", metavar="NAME", help="Folder under reports/.")
@click.option(
    "--collected",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Node ids, one a line (`pytest --collect-only -q`): names are resolved against them.",
)
@click.option("--no-ledgers", is_flag=True, help="Change nothing outside of the run's own folder.")
def command(app: App, paths: tuple[Path, ...], **options: Any) -> ExitCode:
    """Read reports as if they were a run: JUnit XML, pytest-json-report, pytest-reportlog, CTRF, Allure, TAP,
    pytest's terminal log, folders of them, and the folder that `pytest --triage-record DIR` left.

    Formats are told by content. What cannot be kept is counted in the notes.
    """
    from triage.phase.baseline import check_ready, conclude

    app.flags = {"campaign": options["campaign"]}
    tools = compose.tools(app)
    trial = _read(app, paths, options["collected"])
    check_ready(tools, ledgers=not options["no_ledgers"])
    folder = compose.run_folder(app, options["stamp"], None)
    record = trial.model_copy(update={"stamp": folder.path.name})
    folder.write_json("results.json", record)
    concluded = conclude(tools, record, folder, ledgers=not options["no_ledgers"])
    counts = record.counts
    app.emit(
        {
            "stamp": record.stamp,
            "folder": folder.relative(app.root),
            "complete": record.complete,
            "void": record.void,
            "counts": counts.model_dump(exclude={"collect_errors"}),
            "collect_errors": counts.collect_errors,
            "clusters": concluded.clusters,
            "notes": record.notes,
        }
    )
    shown = ", ".join(f"{number} {name}" for name, number in counts.model_dump().items() if number)
    app.say(f"{record.stamp}: {shown or 'no tests'}")
    for note in record.notes:
        app.say(f"note: {note}")
    for cluster in concluded.clusters:
        if cluster.state_in_run in {"new", "known", "regressed"}:
            app.say(
                f"{cluster.id:<5} {cluster.state_in_run:<9} {len(cluster.members):>4} tests  {cluster.title}"
            )
    app.say(f"evidence: {folder.relative(app.root)}/summary.md")
    return concluded.exit_code


def _read(app: App, paths: tuple[Path, ...], collected: Path | None) -> RunRecord:
    """The run that the paths tell of; its STAMP is filled in when its folder is made."""
    from triage.ingest.read import collected_ids, read
    from triage.run.recorded import EVENTS, read_recorded

    campaign = app.settings.campaign
    if len(paths) == 1 and (paths[0] / EVENTS).is_file():
        return read_recorded(paths[0], root=app.root, stamp="", campaign=campaign)
    names = collected_ids(collected) if collected is not None else ()
    return read(paths, root=app.root, stamp="", campaign=campaign, collected=names)

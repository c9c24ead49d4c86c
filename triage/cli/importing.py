"""`triage import`: reports of other services as a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from triage.cli import wiring
from triage.cli.context import App, app_command, examples
from triage.cli.json_documents.runs import CollectDocument, ImportDocument
from triage.cli.run_ending import RunEnding, say_run
from triage.errors import ExitCode, UsageError
from triage.text.plural import counted_noun

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from triage.evidence.folder import EvidenceFolder
    from triage.model.run import RunRecord


@app_command(
    verbosity=True,
    epilog=examples(
        "triage import junit.xml",
        "triage import build/reports/ --stamp 20261123T061000Z --campaign nightly",
        "triage import pytest.log --no-ledgers --json",
        "pytest --triage-record record/; triage import record/",
        "triage import --resume 20261123T061000Z        # one that was killed when it had read everything",
    ),
)
@click.argument("paths", nargs=-1, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("--stamp", metavar="STAMP", help="Name of this run; default: the time, UTC.")
@click.option("--campaign", metavar="NAME", help="Folder under reports/.")
@click.option(
    "--collected",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Node ids, one a line (`pytest --collect-only -q`): names are resolved against them.",
)
@click.option("--resume", metavar="STAMP", help="Finish an import that was cut short.")
@click.option("--no-ledgers", is_flag=True, help="Leave the journal and the ledgers as they are.")
@click.option("--no-history", is_flag=True, help="Do not add the run to the history.")
def import_command(app: App, paths: tuple[Path, ...], **options: Any) -> ExitCode:
    """Read reports as if they were a run: JUnit XML, pytest-json-report, pytest-reportlog, CTRF, Allure, TAP,
    pytest's terminal log, folders of them, and the folder that `pytest --triage-record DIR` left.

    A file's format is recognized by its content; plugins may add formats. What cannot be kept is counted in
    the notes.
    """
    from triage.campaign.baseline import check_ready, conclude

    app.flags = {"campaign": options["campaign"]}
    services = wiring.services(app)
    check_ready(services, ledgers=not options["no_ledgers"])
    if options["resume"] is not None:
        folder, record = _resumed(app, paths, options["resume"])
    else:
        folder, record = _imported(app, paths, options)
    concluded = conclude(
        services,
        record,
        folder,
        ledgers=not options["no_ledgers"],
        history=not options["no_history"],
    )
    app.emit(ImportDocument.of_run(record, concluded, app.shown(folder.path)))
    say_run(RunEnding(app, concluded, folder, origin=counted_noun(len(paths), "report")))
    return concluded.exit_code


def _imported(
    app: App, paths: tuple[Path, ...], options: Mapping[str, Any]
) -> tuple[EvidenceFolder, RunRecord]:
    """A new folder with what the reports tell. Nothing is made where they cannot be read."""
    if not paths:
        raise UsageError("usage", "no report is named", "see 'triage import --help'")
    trial = _read(app, paths, options["collected"])
    folder = wiring.run_folder(app, options["stamp"], None)
    write_source(folder, "triage import", paths)
    record = trial.model_copy(update={"stamp": folder.path.name})
    folder.write_json("results.json", record)
    return folder, record


def _resumed(app: App, paths: tuple[Path, ...], stamp: str) -> tuple[EvidenceFolder, RunRecord]:
    """The folder of an import that was cut short, with what it had read."""
    from triage.campaign.recorded import read_record

    if paths:
        raise UsageError("usage", "--resume goes on with what was read: it takes no PATH", "leave one out")
    folder = wiring.import_folder(app, stamp)
    return folder, read_record(folder.path)


def write_source(folder: EvidenceFolder, command: str, paths: Iterable[Path | str]) -> None:
    """Say in the folder that its tests did not run here, before anything else is in it."""
    from triage.evidence.folder import SOURCE

    folder.write_json(
        SOURCE, {"schema_version": 1, "command": command, "read": [str(path) for path in paths]}
    )


def _read(app: App, paths: tuple[Path, ...], collected: Path | None) -> RunRecord:
    """The run that the paths tell of; its STAMP is filled in when its folder is made."""
    from triage.formats.importer import collected_ids, read
    from triage.run.standalone import EVENTS, read_recorded

    campaign = app.settings.campaign
    if len(paths) == 1 and (paths[0] / EVENTS).is_file():
        return read_recorded(paths[0], root=app.root, stamp="", campaign=campaign)
    names = collected_ids(collected) if collected is not None else ()
    return read(
        paths, root=app.root, stamp="", campaign=campaign, collected=names, importers=wiring.importers()
    )


@app_command(
    verbosity=True,
    epilog=examples(
        "triage collect 20261123T061000Z 20261123T061001Z 20261123T061002Z",
        "triage collect --shards artifacts/",
        "triage collect --shards artifacts/ --stamp 20261123T070000Z --json",
    ),
)
@click.argument("stamps", nargs=-1, metavar="[STAMP]...")
@click.option(
    "--shards", metavar="DIR", type=click.Path(path_type=Path), help="Folder with the shards' evidence in it."
)
@click.option("--stamp", metavar="STAMP", help="Name of the joined run; default: the time, UTC.")
@click.option("--campaign", metavar="NAME", help="Folder under reports/.")
@click.option("--no-ledgers", is_flag=True, help="Leave the journal and the ledgers as they are.")
@click.option("--no-history", is_flag=True, help="Do not add the run to the history.")
def collect_command(app: App, stamps: tuple[str, ...], **options: Any) -> ExitCode:
    """Join the shards of one run: finds missing and double ones, gives the clusters of one run.

    Exit 3 where a shard is missing: its tests are listed as not run.
    """
    from triage.base.document import join_documents
    from triage.campaign.baseline import conclude
    from triage.evidence.folder import EvidenceFolder
    from triage.run.shards import gather, joined, read_record, shard_folders

    if bool(stamps) == bool(options["shards"]):
        raise UsageError("no-shards", "name STAMPs or --shards DIR", "see `triage collect --help`")
    app.flags = {"campaign": options["campaign"]}
    services = wiring.services(app)
    notes: list[str] = []
    if options["shards"]:
        sources, notes = shard_folders(options["shards"])
    else:
        sources = [EvidenceFolder.find(app.output, stamp, phase="a").path for stamp in stamps]
    joined([read_record(source) for source in sources], stamp="", campaign="")
    folder = wiring.run_folder(app, options["stamp"], None)
    write_source(folder, "triage collect", sources)
    record = gather(sources, folder, notes)
    join_documents(sources, folder, record)
    concluded = conclude(
        services,
        record,
        folder,
        ledgers=not options["no_ledgers"],
        history=not options["no_history"],
    )
    document = CollectDocument.of_run(
        record, concluded, app.shown(folder.path), shards=len(sources), base=record.base
    )
    app.emit(document)
    say_run(RunEnding(app, concluded, folder, origin=counted_noun(len(sources), "shard")))
    return concluded.exit_code

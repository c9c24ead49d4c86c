"""`triage results`, `triage history` and `triage diff`: outcomes of tests in recorded runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from triage.campaign.diff import compare
from triage.campaign.recorded import RecordedRun, Stage, read_failures
from triage.campaign.resume_command import resume_command
from triage.cli import wiring
from triage.cli.completion import complete_stamp
from triage.cli.context import App, app_command, examples, paged
from triage.cli.json_documents.base import PageRequest
from triage.cli.json_documents.runs import (
    DiffDocument,
    HistoryDocument,
    ResultRow,
    ResultsDocument,
    counts_of,
)
from triage.cli.lookup import recorded, result_rows, signatures_by_test
from triage.cli.terminal import counted
from triage.errors import ExitCode, UsageError
from triage.evidence.history.flakiness import flakiness_of
from triage.model.run import RerunHint
from triage.text.plural import counted_noun

if TYPE_CHECKING:
    from triage.cluster.registry import ClusterRegistry


@app_command(
    epilog=examples(
        "triage results",
        "triage results 20261123T061000Z --json",
        "triage results --only failed --only error",
        "triage results --json --limit 200 --fields nodeid,outcome,duration",
    )
)
@paged()
@click.argument("stamp", required=False, shell_complete=complete_stamp)
@click.option(
    "--only", "only", multiple=True, metavar="OUTCOME", help="Show these outcomes alone; may be given again."
)
def results_command(app: App, stamp: str | None, only: tuple[str, ...], page: PageRequest) -> ExitCode:
    """Every planned test of a run (default: the latest) with its one outcome.

    A page and the one behind it are of one run, even where a newer one has come between.
    Exit 3 where the run can answer nothing: void, cut short, or still going on.
    """
    run = recorded(app, stamp or page.stamp)
    record = run.record
    rows = result_rows(record, read_failures(run.folder.path), app.registry().quarantines)
    wanted = [row for row in rows if not only or row.outcome in only]
    shown, following = page.page(wanted, record.stamp)
    document = ResultsDocument(
        stamp=record.stamp,
        complete=record.complete,
        void=run.trouble,
        counts=counts_of(record),
        collect_errors=record.counts.collect_errors,
        hints=record.hints,
        results=shown,
        total=len(wanted),
        next_cursor=following,
    )
    app.emit(document, page.fields)
    if run.heading is not None:
        app.say(run.heading)
    today = app.world.now().date()
    for row in shown:
        until = f"  ({row.quarantine.state_on(today)})" if row.quarantine is not None else ""
        app.say(f"{row.outcome:<9} {row.nodeid}{_reruns(row)}{until}")
    if following is not None:
        app.say(f"and more: --cursor {following}")
    app.say(f"{record.stamp}: {record.counts.collected} collected, {counted(record.counts)}")
    if run.heading is not None:
        _say_how_to_go_on(app, run)
    return ExitCode.OK if run.answers else ExitCode.VOID


def _say_how_to_go_on(app: App, run: RecordedRun) -> None:
    finish = resume_command(run.folder)
    if run.stage is Stage.CUT_SHORT and finish is not None:
        app.say(f"next: {finish}")


_HINTS = {
    RerunHint.NEEDS_OTHERS: ", needs the tests before it",
    RerunHint.BESIDE_OTHERS: ", green with no other chunk beside it: they may share a port or a file",
    RerunHint.UNDECIDED: ", green alone: by chance or without the tests before it is undecided",
}


def _reruns(result: ResultRow) -> str:
    """How the test fared when it was run again; empty where it was not."""
    reruns = result.reruns
    if reruns is None:
        return ""
    hint = _HINTS.get(reruns.hint, "") if reruns.hint is not None else ""
    return f"  ({reruns.failed} of {reruns.runs} reruns red{hint})"


_MOST_RUNS = 10_000
"""Runs of one test that are read: years of a busy project."""


@app_command(
    epilog=examples("triage history tests/test_a.py::test_b", "triage history NODEID --limit 200 --json")
)
@paged(default=50)
@click.argument("nodeid")
def history_command(app: App, nodeid: str, page: PageRequest) -> None:
    """How one test fared over the recorded runs, newest first."""
    store = wiring.store(app.settings, app.output)
    rows = store.history(nodeid, _MOST_RUNS)
    store.close()
    if not rows:
        raise UsageError(
            "unknown-nodeid",
            f"no recorded run has {nodeid!r}",
            "'triage results' lists the node ids of a run",
        )
    figures = flakiness_of(nodeid, rows)
    shown, following = page.page(rows)
    document = HistoryDocument(
        nodeid=nodeid, flakiness=figures, runs=shown, total=len(rows), next_cursor=following
    )
    app.emit(document, page.fields)
    for row in shown:
        seconds = "" if row.duration is None else f"{row.duration:9.3f} s"
        commit, signature = (row.commit or "-")[:10], row.signature or ""
        again = f"{row.failed}/{row.runs} red" if row.runs > 1 else ""
        app.say(
            f"{row.stamp}  {row.outcome:<8} {seconds:>11}  {again:<10} {commit:<10}  {signature}".rstrip()
        )
    if following is not None:
        app.say(f"and {len(rows) - len(shown) - page.offset} older: --cursor {following}")
    red = sum(row.outcome.is_red for row in rows)
    app.say(f"{red} of {counted_noun(len(rows), 'run')} red")
    if figures is not None:
        app.say(
            f"{figures.failed} of {figures.runs} executions red: {figures.rate:.0%}"
            f" (95 % interval {figures.low:.0%} to {figures.high:.0%}),"
            f" {figures.flips_per_100_runs:.1f} flips in 100 runs"
        )


def _reasons(signatures: Mapping[str, set[str]], registry: ClusterRegistry) -> dict[str, set[str]]:
    """Why each test failed: clusters where they are known, because a renamed file changes signatures."""
    return {
        nodeid: {registry.home.get(signature, signature) for signature in found}
        for nodeid, found in signatures.items()
    }


@app_command(
    epilog=examples("triage diff 20261123T061000Z 20261124T061000Z", "triage diff STAMP STAMP --json")
)
@click.argument("old", shell_complete=complete_stamp)
@click.argument("new", shell_complete=complete_stamp)
def diff_command(app: App, old: str, new: str) -> None:
    """What changed from one run to the other: broken, mended, other reason, added, gone.

    A test whose file was renamed is the same test, as far as the journal or git knows of it.
    """
    from triage.campaign.moved import moved_tests  # git is loaded for this command alone

    runs = [recorded(app, stamp) for stamp in (old, new)]
    before, after = [run.record for run in runs]
    old_signatures, new_signatures = [signatures_by_test(run.folder) for run in runs]
    registry = app.registry()
    moved = moved_tests(app.root, registry.decisions, before, after, runs[0].folder)
    changes = compare(
        before, after, _reasons(old_signatures, registry), _reasons(new_signatures, registry), moved
    )
    comparable = before.complete and after.complete
    by_name = {change.value: nodeids for change, nodeids in changes.items()}
    document = DiffDocument.model_validate(
        {"old": old, "new": new, "comparable": comparable, "moved": moved, **by_name}
    )
    app.emit(document)
    for earlier, name in moved.items():
        app.say(f"{'moved':<13} {earlier} -> {name}")
    for change, nodeids in changes.items():
        for nodeid in nodeids:
            app.say(f"{change:<13} {nodeid}")
    for record in (before, after):
        if not record.complete:
            app.note(f"{record.stamp} is incomplete: what it did not run is not counted as a change")
    app.say(", ".join(f"{len(nodeids)} {change}" for change, nodeids in changes.items()))

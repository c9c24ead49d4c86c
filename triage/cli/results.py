"""`triage results`, `triage history` and `triage diff`: outcomes of tests in recorded runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from triage.campaign.diff import compare
from triage.campaign.recorded import RecordedRun, Stage, read_failures
from triage.campaign.resume_command import resume_command
from triage.cli import wiring
from triage.cli.context import App, app_command, examples
from triage.cli.lookup import recorded, results_as_json, signatures_by_test
from triage.cli.terminal import counted
from triage.errors import ExitCode, UsageError
from triage.evidence.history.flakiness import flakiness_of
from triage.model.run import RerunHint, TestResult
from triage.text.plural import counted_noun

if TYPE_CHECKING:
    from triage.cluster.registry import ClusterRegistry


@app_command(
    epilog=examples(
        "triage results", "triage results 20261123T061000Z --json", "triage results --only failed"
    )
)
@click.argument("stamp", required=False)
@click.option(
    "--only", "only", multiple=True, metavar="OUTCOME", help="Show these outcomes alone; may be given again."
)
def results_command(app: App, stamp: str | None, only: tuple[str, ...]) -> ExitCode:
    """Every planned test of a run (default: the latest) with its one outcome.

    Exit 3 where the run can answer nothing: void, cut short, or still going on.
    """
    run = recorded(app, stamp)
    record = run.record
    counts = record.counts
    rows = results_as_json(record, read_failures(run.folder.path), app.registry().quarantines)
    app.emit(
        {
            "stamp": record.stamp,
            "complete": record.complete,
            "void": run.trouble,
            "counts": counts.model_dump(exclude={"collect_errors"}),
            "collect_errors": counts.collect_errors,
            "hints": record.hints,
            "results": rows,
        }
    )
    if run.heading is not None:
        app.say(run.heading)
    today = app.world.now().date()
    for result, row in zip((*record.collect_errors, *record.results), rows, strict=True):
        if not only or result.outcome in only:
            quarantine = row["quarantine"]
            until = f"  ({quarantine.state_on(today)})" if quarantine is not None else ""
            app.say(f"{result.outcome:<9} {result.nodeid}{_reruns(result)}{until}")
    app.say(f"{record.stamp}: {counts.collected} collected, {counted(counts)}")
    if run.heading is not None:
        _say_how_to_go_on(app, run)
    return ExitCode.OK if run.answers else ExitCode.VOID


def _say_how_to_go_on(app: App, run: RecordedRun) -> None:
    finish = resume_command(run.folder)
    if run.stage is Stage.CUT_SHORT and finish is not None:
        app.say(f"next: {finish}")


_HINTS = {
    RerunHint.NEEDS_OTHERS: ", needs the tests before it",
    RerunHint.UNDECIDED: ", green alone: by chance or without the tests before it is undecided",
}


def _reruns(result: TestResult) -> str:
    """How the test fared when it was run again; empty where it was not."""
    reruns = result.reruns
    if reruns is None:
        return ""
    hint = _HINTS.get(reruns.hint, "") if reruns.hint is not None else ""
    return f"  ({reruns.failed} of {reruns.runs} reruns red{hint})"


@app_command(
    epilog=examples("triage history tests/test_a.py::test_b", "triage history NODEID --limit 200 --json")
)
@click.argument("nodeid")
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1), help="The newest so many runs."
)
def history_command(app: App, nodeid: str, limit: int) -> None:
    """How one test fared over the recorded runs, newest first."""
    store = wiring.store(app.settings, app.output)
    rows = store.history(nodeid, limit)
    store.close()
    if not rows:
        raise UsageError(
            "unknown-nodeid",
            f"no recorded run has {nodeid!r}",
            "'triage results' lists the node ids of a run",
        )
    figures = flakiness_of(nodeid, rows)
    app.emit(
        {
            "nodeid": nodeid,
            "flakiness": figures,
            "runs": [row.model_dump(mode="json") for row in rows],
        }
    )
    for row in rows:
        seconds = "" if row.duration is None else f"{row.duration:9.3f} s"
        commit, signature = (row.commit or "-")[:10], row.signature or ""
        again = f"{row.failed}/{row.runs} red" if row.runs > 1 else ""
        app.say(
            f"{row.stamp}  {row.outcome:<8} {seconds:>11}  {again:<10} {commit:<10}  {signature}".rstrip()
        )
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
@click.argument("old")
@click.argument("new")
def diff_command(app: App, old: str, new: str) -> None:
    """What changed from one run to the other: broken, mended, other reason, added, gone.

    A test whose file was renamed is the same test, as far as the journal or git knows of it.
    """
    from triage.campaign.moved import moved_tests  # git is loaded for this command alone

    runs = [recorded(app, stamp) for stamp in (old, new)]
    before, after = [run.record for run in runs]
    old_signatures, new_signatures = [signatures_by_test(run.folder) for run in runs]
    registry = app.registry()
    moved = moved_tests(app.root, registry.events, before, after, runs[0].folder)
    changes = compare(
        before, after, _reasons(old_signatures, registry), _reasons(new_signatures, registry), moved
    )
    comparable = before.complete and after.complete
    app.emit({"old": old, "new": new, "comparable": comparable, **changes, "moved": moved})
    for earlier, name in moved.items():
        app.say(f"{'moved':<13} {earlier} -> {name}")
    for change, nodeids in changes.items():
        for nodeid in nodeids:
            app.say(f"{change:<13} {nodeid}")
    for record in (before, after):
        if not record.complete:
            app.note(f"{record.stamp} is incomplete: what it did not run is not counted as a change")
    app.say(", ".join(f"{len(nodeids)} {change}" for change, nodeids in changes.items()))

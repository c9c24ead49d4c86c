"""`triage show`: all that is known of one cluster, or of one test."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import click

from triage.campaign.cluster_details import all_results
from triage.campaign.clusters_of_run import clusters_of_run, search_of_run
from triage.campaign.explanation import known_causes
from triage.campaign.next_steps import command_in
from triage.campaign.recorded import RecordedRun, latest_recorded
from triage.campaign.rerun_command import conditions_of_rerun, rerun_command
from triage.cli import wiring
from triage.cli.completion import complete_cluster
from triage.cli.context import App, app_command, examples
from triage.cli.failure_text import say_failure
from triage.cli.json_documents.clusters import (
    ShowTestDocument,
)
from triage.cli.lookup import clusters_in
from triage.cli.screen import Span
from triage.cli.show_cluster import failure_document, say_commands, say_heading, show_cluster
from triage.cli.terminal import quarantine_line
from triage.cluster.quarantine import quarantine_of_test, with_quarantine
from triage.cluster.registry import ClusterRegistry, with_proposals
from triage.documents.shown_cluster import (
    passes_alone,
    state_in_words,
)
from triage.errors import TriageError, UsageError
from triage.evidence.history.api import HistoryRow
from triage.evidence.history.flakiness import TestFlakiness, flakiness_of
from triage.model.base_commit import OnBase
from triage.model.cluster import Cluster, is_cluster_id
from triage.model.run import TestResult
from triage.text.plural import counted_noun
from triage.text.suggest import did_you_mean

_MOST_RUNS = 50
"""Recorded runs that are read."""
_STRIP_RUNS = 20
"""Of them as many as fit on a line."""


@app_command(
    epilog=examples(
        "triage show C19",
        "triage show C19 --full",
        "triage show tests/test_quote.py::test_currency",
        "triage show C19 --json",
    )
)
@click.argument("subject", metavar="C19|NODEID", shell_complete=complete_cluster)
@click.option("--full", is_flag=True, help="Nothing cut: every failure, all output, both arms as commands.")
def show_command(app: App, subject: str, full: bool) -> None:
    """All that is known of one cluster or one test.

    Why it fails, a short traceback with its source lines, what the test printed, cause and experiments with
    both arms, members and what joined them, owner, quarantine, history, and the commands that go on.
    """
    registry, latest = app.registry(), latest_recorded(app.output, app.root)
    if "::" in subject or _result_of(latest, subject) is not None:
        _show_test(app, registry, latest, subject, full=full)
        return
    in_run = clusters_in(app, registry, latest)
    if subject in in_run and subject not in registry.clusters:
        cluster = in_run[subject]  # of a run without ledgers
    else:
        cluster = _known_cluster(registry, latest, subject)
    show_cluster(app, registry, cluster, latest, full=full)


def _known_cluster(registry: ClusterRegistry, latest: RecordedRun | None, subject: str) -> Cluster:
    """The journal's cluster. Raises `UsageError` (unknown-cluster) with what may have been meant."""
    if subject not in registry.clusters and not is_cluster_id(subject.upper()) and latest is not None:
        names = [result.nodeid for result in all_results(latest)]
        meant = did_you_mean(subject, names, otherwise="")
        if meant:
            raise UsageError("unknown-cluster", f"there is no cluster and no test {subject}", meant)
    found = with_quarantine(registry.cluster(subject), registry.quarantines)
    return with_proposals(registry, found)


def _show_test(
    app: App, registry: ClusterRegistry, latest: RecordedRun | None, nodeid: str, *, full: bool
) -> None:
    result = _result_of(latest, nodeid)
    if latest is None or result is None:
        names = [each.nodeid for each in all_results(latest)] if latest is not None else []
        raise UsageError(
            "unknown-nodeid",
            f"the newest run has no test {nodeid}",
            did_you_mean(nodeid, names, otherwise="'triage results' lists the node ids of a run"),
        )
    on_base = _on_base(app, latest, result)
    clusters = _clusters_of(app, registry, latest, nodeid)
    quarantine = quarantine_of_test(nodeid, [each.id for each in clusters], registry.quarantines)
    history = _history(app, nodeid)
    flakiness = flakiness_of(nodeid, list(history)) if history else None
    conditions = conditions_of_rerun(latest.folder.path)
    rerun = None if passes_alone([result]) else rerun_command([nodeid], conditions)
    causes = known_causes(app.output, registry)
    following = command_in(registry, clusters[0], causes.get(clusters[0].id)) if clusters else None
    document = ShowTestDocument(
        nodeid=nodeid,
        stamp=latest.record.stamp,
        outcome=result.outcome,
        duration=result.duration,
        reruns=result.reruns,
        base=on_base,
        note=result.note,
        clusters=tuple(cluster.id for cluster in clusters),
        quarantine=quarantine,
        failures=tuple(failure_document(failure, full=full) for failure in result.failures),
        history=history,
        flakiness=flakiness,
        rerun=rerun.text if rerun is not None else None,
        next=following,
    )
    app.emit(document)
    _say_test_heading(app, latest, result)
    if on_base is not None:
        app.say(f"  on the base: {on_base.reason}")
    today = app.world.now().date()
    for cluster in clusters:
        app.say(f"  {cluster.id}: {cluster.title} ({state_in_words(cluster, today)})")
        cause = causes.get(cluster.id)
        if cause is not None:
            app.say(f"    {cause.heading}: {cause.summary}")
    if quarantine is not None:
        app.say(f"  {quarantine_line(quarantine, today)}")
    for failure in result.failures:
        app.line()
        say_failure(app, failure, full=full)
    _say_runs(app, history, flakiness)
    more = [f"triage show {cluster.id}" for cluster in clusters]
    say_commands(app, rerun, following, [*more, f"triage history {shlex.quote(nodeid)}"] if history else more)


def _result_of(run: RecordedRun | None, nodeid: str) -> TestResult | None:
    if run is None:
        return None
    return next((result for result in all_results(run) if result.nodeid == nodeid), None)


def _on_base(app: App, run: RecordedRun, result: TestResult) -> OnBase | None:
    """What the base says of the test; a joint search may have asked it since."""
    if result.base is not None or not result.outcome.has_failures:
        return result.base
    search = search_of_run(app.output, run.folder)
    return search.on_base.get(result.nodeid) if search is not None else None


def _clusters_of(app: App, registry: ClusterRegistry, run: RecordedRun, nodeid: str) -> list[Cluster]:
    """The clusters of the test's failures in a run, by their ids of now."""
    if not run.folder.sealed:
        return []
    homes = clusters_of_run(app.output, registry, run.folder)
    return [cluster for cluster in homes if cluster.is_seen and nodeid in cluster.members]


def _history(app: App, nodeid: str) -> tuple[HistoryRow, ...]:
    """The recorded runs of the test, newest first; none where the history cannot be read."""
    try:
        store = wiring.store(app.settings, app.output)
        rows = tuple(store.history(nodeid, _MOST_RUNS))
        store.close()
    except TriageError:
        return ()
    return rows


def _say_test_heading(app: App, run: RecordedRun, result: TestResult) -> None:
    app.line(Span(result.nodeid, "bold"))
    seconds = f" in {result.duration:.2f} s" if result.duration is not None else ""
    style = "bold red" if result.outcome.has_failures else "bold green"
    app.line(Span("  "), Span(result.outcome.value, style), Span(f"{seconds} in {run.record.stamp}"))
    if result.note:
        app.say(f"  {result.note}")
    if result.reruns is not None:
        runs = counted_noun(result.reruns.runs, "time")
        app.say(f"  run again {runs}: failed {result.reruns.failed} of {result.reruns.runs}")
        if passes_alone([result]):
            app.say("  passes alone: it fails only behind tests that ran before it")


def _say_runs(app: App, history: Sequence[HistoryRow], flakiness: TestFlakiness | None) -> None:
    if not history:
        return
    say_heading(app, "runs, oldest first: . green, F red, f flaky, - neither")
    strip = "".join(_sign(row) for row in reversed(history[:_STRIP_RUNS]))
    red = sum(row.outcome.is_red for row in history)
    app.say(f"  {strip}   red in {red} of {counted_noun(len(history), 'run')}")
    if flakiness is not None:
        app.say(
            f"  {flakiness.failed} of {counted_noun(flakiness.runs, 'execution')} red: {flakiness.rate:.0%}"
            f" (95 % interval {flakiness.low:.0%} to {flakiness.high:.0%})"
        )


def _sign(row: HistoryRow) -> str:
    if row.outcome.is_flaky:
        return "f"
    if row.outcome.is_red:
        return "F"
    return "." if row.outcome.is_green else "-"

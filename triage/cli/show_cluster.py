"""Print all that is known of one cluster."""

from __future__ import annotations

from collections.abc import Sequence

from triage.campaign.cluster_details import ClusterDetails, details_of
from triage.campaign.codeowners import FileOwners, owner_of_cluster
from triage.campaign.explanation import KnownCause, deciding
from triage.campaign.next_steps import command_in
from triage.campaign.recorded import RecordedRun
from triage.campaign.rerun_command import RerunCommand
from triage.cli.context import App
from triage.cli.failure_text import say_failure
from triage.cli.json_documents.clusters import (
    FailurePlaces,
    ShowDocument,
    ShownEvent,
    ShownFailure,
)
from triage.cli.lookup import clusters_in
from triage.cli.screen import Span, wrapped
from triage.cli.terminal import quarantine_line
from triage.cluster.registry import ClusterRegistry
from triage.cluster.why_words import CLAUSES
from triage.documents.event_words import event_in_words
from triage.documents.shown_cluster import (
    place_text,
    places_of,
    state_in_words,
    telling_failure,
)
from triage.model.cluster import Cluster
from triage.model.experiment import ExperimentResult, Tally
from triage.model.failure import Failure
from triage.model.journal import Event
from triage.text.plural import counted_noun

_MOST_TESTS = 20
_MOST_EXPERIMENTS = 5
_MOST_EVENTS = 10
"""The newest ones: `--full` has all."""
_MOMENT_LINES = 3
"""Of one of them."""
_TO_THE_MINUTE = len("2026-11-30T06:00")
_MOST_WHY = 6
_SENTENCE_LINES = 12
"""A cause in one sentence is seldom longer, and never cut with `--full`."""


def show_cluster(
    app: App, registry: ClusterRegistry, found: Cluster, latest: RecordedRun | None, *, full: bool
) -> None:
    """Print the cluster as the journal and the newest run that shows it have it."""
    details = details_of(app.output, app.root, registry, found)
    in_run = clusters_in(app, registry, latest).get(found.id)
    if in_run is not None:  # the journal knows only the runs that brought news
        state = {"state_in_run": in_run.state_in_run, "last_seen": in_run.last_seen, "base": in_run.base}
        found = found.model_copy(update=state)
    events = registry.events_of(found.id) if found.id in registry.clusters else ()
    following = command_in(registry, found, details.cause)
    app.emit(_cluster_document(found, details, events, following, full=full))
    _say_cluster_heading(app, found, details)
    _say_failures(app, details, full=full)
    if details.cause is not None:
        _say_cause(app, details.cause, full=full)
    if details.experiments:
        _say_experiments(app, details.experiments, full=full)
    _say_why(app, found)
    _say_listed(app, f"tests ({len(found.members)})", found.members, full=full)
    if full:
        _say_listed(app, "signatures", found.signatures, full=True)
    _say_history(app, events, full=full)
    more = [f"triage explain {found.id}"] if found.members and found.id in registry.clusters else []
    say_commands(app, details.rerun, following, more)


def _cluster_document(
    found: Cluster, details: ClusterDetails, events: Sequence[Event], following: str | None, *, full: bool
) -> ShowDocument:
    first = telling_failure(details.failures)
    shown = details.failures if full else [first] if first is not None else []
    return ShowDocument.of(
        found,
        stamp=details.run.record.stamp if details.run is not None else None,
        events=tuple(ShownEvent(**event.model_dump(mode="json", exclude_none=True)) for event in events),
        next=following,
        cause=details.cause,
        failures=tuple(failure_document(failure, full=full) for failure in shown),
        experiments=details.experiments,
        rerun=details.rerun.text if details.rerun is not None else None,
    )


def failure_document(failure: Failure, *, full: bool) -> ShownFailure:
    """The failure for programs."""
    places = places_of(failure)
    return ShownFailure(
        nodeid=failure.nodeid,
        phase=failure.phase.value,
        exception=failure.exception,
        message=failure.message,
        subtest=failure.subtest,
        places=FailurePlaces(
            product=place_text(places.product) if places.product is not None else None,
            test=place_text(places.test) if places.test is not None else None,
        ),
        chain=failure.chain,
        captured=failure.captured,
        longrepr=failure.longrepr if full else None,
    )


def _say_cluster_heading(app: App, cluster: Cluster, details: ClusterDetails) -> None:
    also = f" (also {', '.join(cluster.aliases)})" if cluster.aliases else ""
    app.line(Span(f"{cluster.id}{also}  ", "bold"), Span(cluster.title, "bold"))
    today = app.world.now().date()
    tests = counted_noun(len(cluster.members), "test")
    failure = telling_failure(details.failures)
    owner = owner_of_cluster(FileOwners.read(app.root), cluster, places_of(failure))
    app.say(f"  {cluster.status}; {state_in_words(cluster, today)}; {tests}; owner {owner or 'nobody'}")
    if cluster.quarantine is not None:
        app.say(f"  {quarantine_line(cluster.quarantine, today)}")
    app.say(f"  first seen {cluster.first_seen or '-'}, last seen {cluster.last_seen or '-'}")
    if details.hunt is not None:
        shown = app.file_span(details.hunt.summary, app.shown(details.hunt.summary))
        app.line(Span(f"  green as it stands: the hunt of {details.hunt.stamp} showed it red, "), shown)
    elif details.run is None:
        app.say("  the evidence of the run that showed it is gone: no traceback")


def _say_failures(app: App, details: ClusterDetails, *, full: bool) -> None:
    first = telling_failure(details.failures)
    shown = details.failures if full else [first] if first is not None else []
    if shown and details.run is not None:
        more = f", one of {len(details.failures)}" if len(shown) < len(details.failures) else ""
        say_heading(app, f"failure in {details.run.record.stamp}{more}")
    for failure in shown:
        say_failure(app, failure, full=full)


def _say_cause(app: App, cause: KnownCause, *, full: bool) -> None:
    say_heading(app, f"{cause.heading}: {cause.kind}")
    most = max(len(cause.summary), 1) if full else _SENTENCE_LINES
    for line in wrapped(app.clean(cause.summary), app.screen.width - 2, most):
        app.say(f"  {line}")
    for culprit in cause.culprits:
        app.say(f"  culprit {culprit}")
    for lines in cause.lines_no_longer_run:
        app.say(f"  no longer runs when it passes: {lines}")
    path = app.output / cause.evidence
    app.line(Span("  evidence "), app.file_span(path, app.shown(path)))


def _say_experiments(app: App, experiments: Sequence[ExperimentResult], *, full: bool) -> None:
    say_heading(app, f"experiments ({len(experiments)})")
    groups = _alike(experiments)
    shown = groups if full else groups[:_MOST_EXPERIMENTS]
    for group in shown:
        result = group[0]
        p_value = f", p = {result.p_value:.2g}" if result.p_value is not None else ""
        arms = f"as it is {_failed(result.baseline)}; changed {_failed(result.treated)}{p_value}"
        app.line(Span(f"  {result.status.value}", "bold"), Span(f"  {result.probe}: {arms}"))
        for line in wrapped(app.clean(result.sentence), app.screen.width - 4, _SENTENCE_LINES):
            app.say(f"    {line}")
        if len(group) > 1:
            app.say(
                f"    {counted_noun(len(group) - 1, 'more experiment')} alike, on other tests of the cluster"
            )
        if full and result.command:
            app.say(f"    as it is: {result.baseline_command or result.command}")
            app.say(f"    changed:  {result.command}")
    if len(shown) < len(groups):
        app.say(f"  and {len(groups) - len(shown)} more, shown by --full")


def _alike(experiments: Sequence[ExperimentResult]) -> list[list[ExperimentResult]]:
    """Experiments that say the same, together: each test of a cluster has its own."""
    groups: dict[tuple[str, str, str], list[ExperimentResult]] = {}
    for result in experiments:
        said = result.sentence or result.prediction
        groups.setdefault((result.probe, result.status.value, said), []).append(result)
    return list(groups.values())


def _failed(tally: Tally) -> str:
    return f"failed {tally.failed} of {tally.runs}" if tally.runs else "not run"


def _say_why(app: App, cluster: Cluster) -> None:
    whys = deciding(cluster)
    if not whys:
        return
    say_heading(app, "together because")
    for why in whys[:_MOST_WHY]:
        proposed = "proposed: " if why.proposal else ""
        app.say(f"  {proposed}{CLAUSES[why.kind]} {why.detail}")
        if why.confirm:
            app.say(f"    confirm with: {why.confirm}")
    if len(whys) > _MOST_WHY:
        app.say(f"  and {len(whys) - _MOST_WHY} more: triage explain {cluster.id}")


def _say_listed(app: App, heading: str, rows: Sequence[str], *, full: bool) -> None:
    if not rows:
        return
    say_heading(app, heading)
    shown = rows if full else rows[:_MOST_TESTS]
    for row in shown:
        app.say(f"  {row}")
    if len(shown) < len(rows):
        app.say(f"  and {len(rows) - len(shown)} more, shown by --full")


def _say_history(app: App, events: Sequence[Event], *, full: bool) -> None:
    if not events:
        return
    say_heading(app, "history")
    shown = events if full else events[-_MOST_EVENTS:]
    if len(shown) < len(events):
        app.say(f"  {counted_noun(len(events) - len(shown), 'earlier event')}, shown by --full")
    told = ""
    for event in shown:
        what, text = event_in_words(event)
        # a status is often changed for what the attempt before it found
        said = what if text == told else f"{what}: {text}" if text else what
        told = text
        _say_moment(app, event, said, full=full)


def _say_moment(app: App, event: Event, said: str, *, full: bool) -> None:
    line = app.clean(f"{event.at[:_TO_THE_MINUTE].replace('T', ' ')} {said} ({event.by})")
    first, *others = wrapped(line, app.screen.width - 4, len(line) if full else _MOMENT_LINES)
    app.say(f"  {first}")
    for more in others:
        app.say(f"    {more}")


def say_commands(
    app: App, rerun: RerunCommand | None, following: str | None, more: Sequence[str] = ()
) -> None:
    """Print the commands that go on; the last line is the next step."""
    say_heading(app, "commands")
    if rerun is not None:
        left_out = f"   # and {counted_noun(rerun.left_out, 'more test')}" if rerun.left_out else ""
        app.say(f"  {rerun.text}{left_out}")
    for command in more:
        app.say(f"  {command}")
    if following is not None:
        app.say(f"next: {following}")


def say_heading(app: App, text: str) -> None:
    """Print a heading behind an empty line."""
    app.line()
    app.line(Span(text, "bold"))

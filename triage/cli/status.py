"""`triage status` and `triage next`: where the campaign stands, and what to do."""

from __future__ import annotations

import click

from triage.campaign.explanation import KnownCause, known_causes
from triage.campaign.next_steps import next_steps
from triage.campaign.recorded import RecordedRun, latest_recorded
from triage.cli.context import App, app_command, examples, paged
from triage.cli.json_documents.base import PageRequest
from triage.cli.lookup import clusters_in, states_of
from triage.cli.screen import cut
from triage.cli.terminal import counted, quarantine_line
from triage.model.cluster import Cluster, RunState
from triage.text.plural import counted_noun

_INDENT = " " * 6


@app_command(epilog=examples("triage status", "triage status --json", "triage status --json --limit 20"))
@paged()
def status_command(app: App, page: PageRequest) -> None:
    """Where the campaign stands: the latest run, clusters by status, what is next."""
    registry, latest = app.registry(), latest_recorded(app.output, app.root)
    states = states_of(app, registry, latest)
    causes = known_causes(app.output, registry)
    steps = next_steps(registry, latest, states, app.world.now().date(), causes)
    clusters = sorted(registry.clusters.values(), key=lambda cluster: cluster.number)
    shown, following = page.page(clusters)
    if app.as_json or page.fields:
        from triage.cli.status_document import status_document  # its models take long to make

        document = status_document(
            app.root, registry, latest, shown=shown, states=states, causes=causes, steps=steps
        )
        paged_document = document.model_copy(update={"total": len(clusters), "next_cursor": following})
        app.emit(paged_document, page.fields)
    app.say(_run_line(latest) if latest is not None else "no run is recorded")
    for cluster in page.page(registry.live)[0]:
        app.say(_cluster_line(cluster, states.get(cluster.id)))
        _say_cause(app, causes.get(cluster.id))
    for cluster in clusters_in(app, registry, latest).values():
        if cluster.id not in registry.clusters and cluster.is_seen:
            app.say(f"{_cluster_line(cluster, cluster.state_in_run)}  (not in the journal)")
    for quarantine in registry.quarantines:
        app.say(quarantine_line(quarantine, app.world.now().date()))
    for step in steps[:1]:
        app.say(f"next: {step.command}   # {step.reason}")


def _say_cause(app: App, cause: KnownCause | None) -> None:
    """One line on what was found, cut to the screen: `triage show` has all of it."""
    if cause is not None:
        room = app.screen.width - len(_INDENT)
        app.say(f"{_INDENT}{cut(app.clean(f'{cause.heading}: {cause.summary}'), room)}")


def _run_line(run: RecordedRun) -> str:
    record = run.record
    state = run.heading or "complete"
    counts = f"{record.counts.collected} collected, {counted(record.counts)}"
    return f"{record.campaign} {record.stamp}: {state}; {counts}"


def _cluster_line(cluster: Cluster, state: RunState | None) -> str:
    columns = [
        f"{cluster.id:<5}",
        f"{cluster.status:<9}",
        f"{state or '-':<13}",
        f"{counted_noun(len(cluster.members), 'test', 3):<9}",
        f" {cluster.title}",
    ]
    if cluster.owner:
        columns.append(f" @{cluster.owner}")
    return " ".join(columns)


@app_command(epilog=examples("triage next", "triage next --limit 1 --json"))
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="At most so many steps.")
def next_command(app: App, limit: int) -> None:
    """What to do next, most urgent first: computed from the journal and the latest run."""
    latest = latest_recorded(app.output, app.root)
    registry = app.registry()
    states, causes = states_of(app, registry, latest), known_causes(app.output, registry)
    steps = next_steps(registry, latest, states, app.world.now().date(), causes)
    if app.as_json:
        from triage.cli.json_documents.project import NextDocument

        app.emit(NextDocument(steps=steps[:limit], more=max(0, len(steps) - limit)))
    for step in steps[:limit]:
        app.say(f"{step.command:<28} # {step.reason}")
    if not steps:
        app.say("nothing to do: every cluster is resolved")

"""`triage assign`, `merge`, `rename` and `split`: write a person's decision into the journal."""

from __future__ import annotations

import click

from triage.campaign.decide import Decision
from triage.campaign.decide import decide as write_decision
from triage.cli import wiring
from triage.cli.completion import complete_cluster
from triage.cli.context import App, app_command, examples
from triage.cli.json_documents.clusters import ApartDocument, ClusterDocument, SplitDocument
from triage.cli.lookup import recent_signatures
from triage.cluster.decisions import keep_apart, merge, own, rename, split
from triage.cluster.event_factory import EventFactory
from triage.cluster.registry import ClusterRegistry
from triage.errors import UsageError
from triage.model.journal import ClusterSplit, Event
from triage.text.plural import counted_noun


def decide(app: App, decision: Decision) -> tuple[ClusterRegistry, tuple[Event, ...]]:
    """Append what was decided and render the ledgers; the journal stays as it was if anything is wrong."""
    return write_decision(wiring.services(app), decision, app.world.actor)


@app_command(epilog=examples("triage assign C4 --owner ada"))
@click.argument("cluster", shell_complete=complete_cluster)
@click.option("--owner", required=True, metavar="NAME", help="A person or a team.")
def assign_command(app: App, cluster: str, owner: str) -> None:
    """Say who takes care of a cluster."""
    registry, _ = decide(app, lambda registry, factory: own(registry, factory, cluster, owner))
    found = registry.cluster(cluster)
    app.emit(ClusterDocument.of(found))
    app.say(f"{found.id} belongs to {found.owner}")


@app_command(epilog=examples("triage merge C4 C7", "triage merge C4 C7 C9 --reason 'the same missing file'"))
@click.argument("clusters", nargs=-1, required=True, shell_complete=complete_cluster)
@click.option("--reason", help="Why; kept in the journal.")
def merge_command(app: App, clusters: tuple[str, ...], reason: str | None) -> None:
    """Decide that clusters have one cause: all become part of the first one named.

    Every later run keeps it; the other ids stay as aliases and are never used again.
    """
    registry, _ = decide(app, lambda registry, factory: merge(registry, factory, clusters, reason))
    merged = registry.cluster(clusters[0])
    app.emit(ClusterDocument.of(merged))
    tests = counted_noun(len(merged.members), "test")
    app.say(f"{merged.id} now has {tests} and the aliases {', '.join(merged.aliases)}")


@app_command(epilog=examples("triage rename C19 'Zero intensity in the gradient fixture'"))
@click.argument("cluster", shell_complete=complete_cluster)
@click.argument("title")
def rename_command(app: App, cluster: str, title: str) -> None:
    """Give a cluster a better title; its id and its members stay."""
    registry, _ = decide(app, lambda registry, factory: rename(registry, factory, cluster, title))
    found = registry.cluster(cluster)
    app.emit(ClusterDocument.of(found))
    app.say(f"{found.id}  {found.title}")


@app_command(
    epilog=examples(
        "triage split C4 tests/test_io.py::test_read",
        "triage split C4 --apart-from C7   # two clusters that must not be proposed as one again",
    )
)
@click.argument("cluster", shell_complete=complete_cluster)
@click.argument("nodeids", nargs=-1, metavar="NODEID...")
@click.option("--title", help="Title of the new cluster.")
@click.option("--reason", help="Why; kept in the journal.")
@click.option("--apart-from", metavar="CLUSTER", help="Refuse the proposal to merge with this cluster.")
def split_command(
    app: App,
    *,
    cluster: str,
    nodeids: tuple[str, ...],
    title: str | None,
    reason: str | None,
    apart_from: str | None,
) -> None:
    """Decide that some members of a cluster have another cause: they become a new cluster.

    A signature that only they have goes with them; where others share it, these tests are told apart by
    name in every later run.
    """
    if apart_from is not None:
        if nodeids:
            raise UsageError("usage", "--apart-from takes no node ids", "name either members or a cluster")
        _keep_apart(app, cluster, apart_from, reason)
        return
    signatures = recent_signatures(app)

    def decision(registry: ClusterRegistry, factory: EventFactory) -> list[Event]:
        return split(
            registry, factory, cluster, nodeids, signatures_of=signatures, title=title, reason=reason
        )

    _, events = decide(app, decision)
    for event in events:
        if isinstance(event, ClusterSplit):
            app.emit(SplitDocument(cluster=event.cluster, new=event.new, members=event.members))
            app.say(f"{event.new} opened with {counted_noun(len(event.members), 'test')} of {event.cluster}")


def _keep_apart(app: App, cluster: str, other: str, reason: str | None) -> None:
    why = reason or "by a person"
    decide(app, lambda registry, factory: keep_apart(registry, factory, cluster, other, why))
    app.emit(ApartDocument(apart=(cluster, other)))
    app.say(f"{cluster} and {other} stay apart")

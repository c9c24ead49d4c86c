"""`triage clusters`: clusters of a run with members and the evidence for each join."""

from __future__ import annotations

from pathlib import Path

import click

from triage.cli import compose
from triage.cli.context import App, app_command, examples
from triage.cli.lookup import load_results, run_folder
from triage.cli.states import clusters_of_run
from triage.cluster.book import Book
from triage.cluster.preview import preview
from triage.cluster.rules import parse_rules
from triage.cluster.view import as_decided
from triage.errors import UsageError
from triage.model.cluster import Cluster, ClusterStatus, RunState
from triage.phase.known import context_of

_SEEN = {RunState.NEW, RunState.KNOWN, RunState.REGRESSED}


@app_command(
    epilog=examples(
        "triage clusters",
        "triage clusters 20261123T061000Z --json",
        "triage clusters --all",
        "triage clusters --rules plans/cluster_rules.toml",
    )
)
@click.argument("stamp", required=False)
@click.option("--all", "everything", is_flag=True, help="Resolved and merged ones too.")
@click.option(
    "--rules", type=click.Path(path_type=Path), metavar="FILE", help="Only show what these rules would move."
)
def command(app: App, stamp: str | None, everything: bool, rules: Path | None) -> None:
    """Clusters of a run (default: the latest) with members and the evidence for each join.

    Titles, status, merges and splits are as decided by now; members and states are the run's. With --rules
    nothing is recorded: it says which failures of the run a file of rules would move, and where to.
    """
    book = app.book()
    if rules is not None:
        _preview(app, book, stamp, rules)
        return
    found = None
    try:
        found = run_folder(app, stamp)
    except UsageError as error:
        if stamp is not None or error.slug != "no-runs" or not book.clusters:
            raise
    clusters = as_decided(book, clusters_of_run(found) if found is not None else ())
    shown = [cluster for cluster in clusters if everything or _is_news(cluster)]
    app.emit({"stamp": found.path.name if found is not None else None, "clusters": shown})
    for cluster in shown:
        _say(app, book, cluster)
    if not shown:
        app.say("no clusters" if everything else "no open clusters; --all shows the others")


def _preview(app: App, book: Book, stamp: str | None, path: Path) -> None:
    try:
        text = path.read_text("utf-8", "replace")
    except OSError as error:
        raise UsageError("bad-rules", f"{path}: {error.strerror}", "name a file of rules") from error
    rules = parse_rules(text, today=app.world.now().date(), source=str(path))
    rules.check_clusters(book, str(path))
    record = load_results(app, stamp)
    mint = book.mint(app.world.timestamp(), app.world.actor)
    tools = compose.tools(app)
    moves = preview(record, book, rules, sign=tools.sign, mint=mint, context=context_of(tools, record, book))
    app.emit({"stamp": record.stamp, "expired": rules.expired, "moves": [move._asdict() for move in moves]})
    for move in moves:
        rule, *others = map(repr, move.rules)
        beside = f", before {', '.join(others)}, which match too" if others else ""
        app.say(f"{move.origin} -> {move.target}  {move.nodeid}  (rule {rule}{beside})")
    for name in rules.expired:
        app.say(f"expired: rule {name!r} decides nothing any more")
    app.say(f"{len(moves)} of the failures of {record.stamp} would move")


def _is_news(cluster: Cluster) -> bool:
    if cluster.state_in_run in _SEEN:
        return True
    return cluster.status not in (ClusterStatus.RESOLVED, ClusterStatus.MERGED)


def _say(app: App, book: Book, cluster: Cluster) -> None:
    into = f" into {book.resolve(cluster.id)}" if cluster.status is ClusterStatus.MERGED else ""
    also = f" (also {', '.join(cluster.aliases)})" if cluster.aliases else ""
    app.say(
        f"{cluster.id}{also}  {cluster.title}\n"
        f"  {cluster.status.value}{into}, {cluster.state_in_run or 'not in this run'},"
        f" owner {cluster.owner or '-'}, {len(cluster.members)} tests"
    )
    for nodeid in cluster.members:
        app.say(f"    {nodeid}")
    for why in cluster.why:
        app.say(f"  {'proposed' if why.proposal else 'by'} {why.kind}: {why.detail}")
        if why.confirm:
            app.say(f"    confirm with: {why.confirm}")

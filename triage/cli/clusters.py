"""`triage clusters`: clusters of a run with members and the evidence for each join."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import click

from triage.campaign.inputs import context_of, rules_of
from triage.campaign.next_steps import next_steps
from triage.cli import wiring
from triage.cli.context import App, app_command, examples
from triage.cli.lookup import clusters_of_run, latest_run, load_results, run_folder, states_of
from triage.cluster.assign import assign, preview
from triage.cluster.explain import differences
from triage.cluster.registry import ClusterRegistry, as_decided, with_proposals
from triage.cluster.rules import parse_rules
from triage.errors import UsageError
from triage.model.cluster import Cluster, ClusterStatus, RunState
from triage.model.journal import Event
from triage.model.run import RunRecord
from triage.model.signature import Signature

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
def clusters_command(app: App, stamp: str | None, everything: bool, rules: Path | None) -> None:
    """Clusters of a run (default: the latest) with members and the evidence for each join.

    Titles, status, merges and splits are as decided by now; members and states are the run's. With --rules
    nothing is recorded: it says which failures of the run a file of rules would move, and where to.
    """
    registry = app.registry()
    if rules is not None:
        _preview(app, registry, stamp, rules)
        return
    found = None
    try:
        found = run_folder(app, stamp)
    except UsageError as error:
        if stamp is not None or error.slug != "no-runs" or not registry.clusters:
            raise
    clusters = as_decided(registry, clusters_of_run(found) if found is not None else ())
    shown = [cluster for cluster in clusters if everything or _is_news(cluster)]
    app.emit({"stamp": found.path.name if found is not None else None, "clusters": shown})
    for cluster in shown:
        _say_clusters(app, registry, cluster)
    if not shown:
        app.say("no clusters" if everything else "no open clusters; --all shows the others")


def _preview(app: App, registry: ClusterRegistry, stamp: str | None, path: Path) -> None:
    try:
        text = path.read_text("utf-8", "replace")
    except OSError as error:
        raise UsageError("bad-rules", f"{path}: {error.strerror}", "name a file of rules") from error
    rules = parse_rules(text, today=app.world.now().date(), source=str(path))
    rules.check_clusters(registry, str(path))
    record = load_results(app, stamp)
    factory = registry.event_factory(app.world.timestamp(), app.world.actor)
    services = wiring.services(app)
    moves = preview(
        record,
        registry,
        rules,
        signer=services.signer,
        factory=factory,
        context=context_of(services, record, registry),
    )
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


def _say_clusters(app: App, registry: ClusterRegistry, cluster: Cluster) -> None:
    into = f" into {registry.resolve(cluster.id)}" if cluster.status is ClusterStatus.MERGED else ""
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


@app_command(
    epilog=examples(
        "triage explain C19",
        "triage explain C19 tests/test_gradients.py::test_flow",
        "triage explain C19 --stamp 20261123T061000Z --json",
    )
)
@click.argument("cluster")
@click.argument("nodeid", required=False)
@click.option("--stamp", metavar="STAMP", help="The run to explain; default: the latest.")
def explain_command(app: App, cluster: str, nodeid: str | None, stamp: str | None) -> None:
    """Say why these failures are together; with NODEID, why that test is in the cluster or is not."""
    registry = app.registry()
    found = registry.cluster(cluster)
    record = load_results(app, stamp) if stamp is not None else latest_run(app)
    by_cluster = _by_cluster(app, record, registry) if record is not None else {}
    own = by_cluster.get(found.id, {})
    document: dict[str, Any] = {
        "cluster": found.id,
        "title": found.title,
        "stamp": record.stamp if record is not None else None,
        "why": with_proposals(registry, found).why,
        "members": {test: [s.fields for s in seen] for test, seen in sorted(own.items())},
    }
    if nodeid is not None:
        document["nodeid"] = nodeid
        document["verdict"] = _verdict(nodeid, found.id, by_cluster)
    app.emit(document)
    _say_explanation(app, document)


def _by_cluster(
    app: App, record: RunRecord, registry: ClusterRegistry
) -> dict[str, dict[str, list[Signature]]]:
    """Cluster id to its tests in this run, each with what its failures look like."""
    services = wiring.services(app)
    assignment = assign(
        record,
        registry,
        signer=services.signer,
        factory=registry.event_factory(app.world.timestamp(), "triage explain"),
        rules=rules_of(app.root, app.world.now().date(), registry),
        context=context_of(services, record, registry),
    )
    found: dict[str, dict[str, list[Signature]]] = defaultdict(lambda: defaultdict(list))
    for result in (*record.collect_errors, *record.results):
        for index, failure in enumerate(result.failures):
            cluster_id = assignment.cluster_of[result.nodeid, index]
            found[cluster_id][result.nodeid].append(services.signer(failure)[0])
    return found


def _verdict(
    nodeid: str, cluster_id: str, by_cluster: dict[str, dict[str, list[Signature]]]
) -> dict[str, Any]:
    if nodeid in by_cluster.get(cluster_id, {}):
        return {"member": True, "reason": f"{nodeid} is in {cluster_id}: its failure looks like the others"}
    elsewhere = [(home, tests[nodeid]) for home, tests in by_cluster.items() if nodeid in tests]
    if not elsewhere:
        raise UsageError(
            "unknown-nodeid", f"{nodeid} did not fail in this run", "`triage results` lists what did"
        )
    home, signatures = elsewhere[0]
    theirs = [signature for seen in by_cluster.get(cluster_id, {}).values() for signature in seen]
    unlike = differences(signatures[0], theirs)
    return {
        "member": False,
        "cluster": home,
        "reason": f"{nodeid} is in {home}, not in {cluster_id}",
        "differences": [
            {"field": d.field, "own": d.own, "theirs": list(d.theirs)} for d in unlike
        ],
        "confirm": f"triage merge {cluster_id} {home}",
    }  # fmt: skip


def _say_explanation(app: App, document: dict[str, Any]) -> None:
    app.say(f"{document['cluster']}  {document['title']}")
    for why in document["why"]:
        app.say(f"  {'proposed' if why.proposal else 'together'} by {why.kind}: {why.detail}")
        if why.confirm:
            app.say(f"    confirm with: {why.confirm}")
    if "nodeid" not in document:
        for test, seen in document["members"].items():
            app.say(f"  {test}")
            for fields in seen:
                app.say("    " + "; ".join(f"{name} {value}" for name, value in fields.items()))
        return
    verdict = document["verdict"]
    app.say(f"  {verdict['reason']}")
    for unlike in verdict.get("differences", ()):
        app.say(f"    {unlike['field']}: {unlike['own']}")
        app.say(f"      there: {', '.join(unlike['theirs'])}")
    if not verdict["member"]:
        app.say(f"  to join them all the same: {verdict['confirm']}")


@app_command(epilog=examples("triage show C19", "triage show C19 --json"))
@click.argument("cluster")
def show_command(app: App, cluster: str) -> None:
    """All that is known of one cluster: members, signatures, what was tried, what is next."""
    registry, latest = app.registry(), latest_run(app)
    found = registry.cluster(cluster)
    states = states_of(app, latest)
    events = registry.events_of(found.id)
    steps = [step for step in next_steps(registry, latest, states) if step.cluster == found.id]
    document = found.model_dump(mode="json") | {"state_in_run": states.get(found.id)}
    document["events"] = [event.model_dump(mode="json", exclude_none=True) for event in events]
    document["next"] = steps[0].command if steps else None
    app.emit(document)
    also = f" (also {', '.join(found.aliases)})" if found.aliases else ""
    app.say(f"{found.id}{also}  {found.title}")
    app.say(
        f"  status {found.status}, in the latest run {states.get(found.id) or '-'},"
        f" owner {found.owner or '-'}"
    )
    app.say(f"  first seen {found.first_seen or '-'}, last seen {found.last_seen or '-'}")
    for name, rows in (("members", found.members), ("signatures", found.signatures)):
        app.say(f"  {name}:")
        for row in rows:
            app.say(f"    {row}")
    app.say("  history:")
    for event in events:
        app.say(f"    {event.at[:19]}Z {_told(event)} ({event.by})")
    if steps:
        app.say(f"  next: {steps[0].command}   # {steps[0].reason}")


def _told(event: Event) -> str:
    """The event in a few words: what it is, then what stands in it."""
    beside = {"id", "at", "by", "v", "event", "cluster", "opening", "into_opening", "with_opening"}
    detail = event.model_dump(mode="json", exclude=beside, exclude_none=True)
    shown = {
        name: len(value) if isinstance(value, list) else value for name, value in detail.items() if value
    }
    words = ", ".join(f"{name} {value}" for name, value in shown.items())
    return f"{event.event.replace('_', ' ')}: {words}" if words else event.event.replace("_", " ")

"""`triage explain`: why these failures are together, why this one is (not) in it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import click

from triage.cli import compose
from triage.cli.context import App, app_command, examples
from triage.cli.lookup import latest_run, load_results
from triage.cluster.assign import assign
from triage.cluster.book import Book
from triage.cluster.compare import differences
from triage.cluster.view import with_proposals
from triage.errors import UsageError
from triage.model.run import RunRecord
from triage.model.signature import Signature
from triage.phase.known import context_of, rules_of


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
def command(app: App, cluster: str, nodeid: str | None, stamp: str | None) -> None:
    """Say why these failures are together; with NODEID, why that test is in the cluster or is not."""
    book = app.book()
    found = book.cluster(cluster)
    record = load_results(app, stamp) if stamp is not None else latest_run(app)
    by_cluster = _by_cluster(app, record, book) if record is not None else {}
    own = by_cluster.get(found.id, {})
    document: dict[str, Any] = {
        "cluster": found.id,
        "title": found.title,
        "stamp": record.stamp if record is not None else None,
        "why": with_proposals(book, found).why,
        "members": {test: [s.fields for s in seen] for test, seen in sorted(own.items())},
    }
    if nodeid is not None:
        document["nodeid"] = nodeid
        document["verdict"] = _verdict(nodeid, found.id, by_cluster)
    app.emit(document)
    _say(app, document)


def _by_cluster(app: App, record: RunRecord, book: Book) -> dict[str, dict[str, list[Signature]]]:
    """Cluster id to its tests in this run, each with what its failures look like."""
    tools = compose.tools(app)
    assignment = assign(
        record,
        book,
        sign=tools.sign,
        mint=book.mint(app.world.timestamp(), "triage explain"),
        rules=rules_of(app.root, app.world.now().date(), book),
        context=context_of(tools, record, book),
    )
    found: dict[str, dict[str, list[Signature]]] = defaultdict(lambda: defaultdict(list))
    for result in (*record.collect_errors, *record.results):
        for index, failure in enumerate(result.failures):
            cluster_id = assignment.cluster_of[result.nodeid, index]
            found[cluster_id][result.nodeid].append(tools.sign(failure)[0])
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


def _say(app: App, document: dict[str, Any]) -> None:
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

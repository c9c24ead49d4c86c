"""`triage split`: members that have another cause."""

from __future__ import annotations

from typing import Any

import click

from triage.cli.context import App, app_command, examples
from triage.cli.decide import decide
from triage.cli.evidence import signatures_by_test
from triage.cluster.decisions import keep_apart, split
from triage.errors import UsageError
from triage.model.journal import ClusterSplit


@app_command(
    epilog=examples(
        "triage split C4 tests/test_io.py::test_read",
        "triage split C4 --apart-from C7   # two clusters that must not be proposed as one again",
    )
)
@click.argument("cluster")
@click.argument("nodeids", nargs=-1, metavar="NODEID...")
@click.option("--title", help="Title of the new cluster.")
@click.option("--reason", help="Why; kept in the journal.")
@click.option("--apart-from", metavar="CLUSTER", help="Refuse the proposal to merge with this cluster.")
def command(app: App, cluster: str, nodeids: tuple[str, ...], apart_from: str | None, **options: Any) -> None:
    """Decide that some members of a cluster have another cause: they become a new cluster.

    A signature that only they have goes with them; where others share it, these tests are told apart by
    name in every later run.
    """
    if apart_from is not None:
        if nodeids:
            raise UsageError("usage", "--apart-from takes no node ids", "name either members or a cluster")
        decide(
            app,
            lambda book, mint: keep_apart(
                book, mint, cluster, apart_from, options["reason"] or "by a person"
            ),
        )
        app.emit({"apart": [cluster, apart_from]})
        app.say(f"{cluster} and {apart_from} stay apart")
        return
    seen = signatures_by_test(app)
    _, events = decide(
        app,
        lambda book, mint: split(book, mint, cluster, nodeids, signatures_of=seen, **options),
    )
    for event in events:
        if isinstance(event, ClusterSplit):
            app.emit({"cluster": event.cluster, "new": event.new, "members": event.members})
            app.say(f"{event.new} opened with {len(event.members)} tests of {event.cluster}")

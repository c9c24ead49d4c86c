"""`triage quarantine`: vouch for a failure until a day, list what is vouched for, end it."""

from __future__ import annotations

from datetime import datetime

import click

from triage.campaign.codeowners import owners_of
from triage.cli.completion import complete_cluster
from triage.cli.context import App, app_command, examples
from triage.cli.decide import decide
from triage.cli.json_documents.clusters import (
    LiftedDocument,
    QuarantineDocument,
    QuarantineRow,
    QuarantinesDocument,
)
from triage.cli.terminal import quarantine_line
from triage.cluster.quarantine_decisions import lift_quarantine, put_in_quarantine
from triage.cluster.registry import ClusterRegistry
from triage.errors import UsageError
from triage.model.cluster import is_cluster_id


@app_command(
    epilog=examples(
        "triage quarantine",
        "triage quarantine C7 --until 2026-12-15 --owner ada --reason 'the mail server drops connections'",
        "triage quarantine tests/test_mail.py --until 2026-12-15 --reason 'ticket 4711'",
        "triage quarantine C7 --lift --reason 'server replaced'",
    )
)
@click.argument("subject", required=False, metavar="[C7|NODEID]", shell_complete=complete_cluster)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="The last day, UTC.")
@click.option("--owner", metavar="NAME", help="Who answers for it; default: CODEOWNERS.")
@click.option("--reason", help="Why; kept in the journal.")
@click.option("--lift", is_flag=True, help="End the quarantine.")
def quarantine_command(
    app: App,
    *,
    subject: str | None,
    until: datetime | None,
    owner: str | None,
    reason: str | None,
    lift: bool,
) -> None:
    """Let the gate pass a cluster, or a test (file, folder), through the day DATE; without arguments, list.

    Every view shows it. From the day after a run that shows the failure exits 1, however well it is known.
    """
    if subject is None:
        _list(app)
        return
    if lift:
        why = reason or "by a person"
        decide(app, lambda registry, factory: lift_quarantine(registry, factory, subject, why))
        app.emit(LiftedDocument(lifted=subject))
        app.say(f"{subject} is out of quarantine")
        return
    if until is None or not reason:
        raise UsageError(
            "bad-quarantine", "a quarantine needs a day and a reason", "give --until DATE and --reason TEXT"
        )
    answering = owner or _default_owner(app, subject)
    today = app.world.now().date()
    registry, _ = decide(
        app,
        lambda registry, factory: put_in_quarantine(
            registry, factory, subject, until=until.date(), owner=answering, reason=reason, today=today
        ),
    )
    home = registry.resolve(subject) if is_cluster_id(subject) else subject
    made = next(each for each in registry.quarantines if each.subject == home)
    app.emit(QuarantineDocument.of(made))
    app.say(quarantine_line(made, today))


def _default_owner(app: App, subject: str) -> str:
    """The cluster's owner, else the owners of the tests' files by CODEOWNERS."""
    nodeids: tuple[str, ...] = (subject,)
    if is_cluster_id(subject):
        cluster = app.registry().cluster(subject)
        if cluster.owner:
            return cluster.owner
        nodeids = cluster.members
    owners = owners_of(app.root, nodeids)
    if owners is None:
        raise UsageError("no-owner", f"nobody owns {subject}", "give --owner NAME, or add it to CODEOWNERS")
    return owners


def _list(app: App) -> None:
    registry: ClusterRegistry = app.registry()
    known = sorted(registry.quarantines, key=lambda each: (each.until, each.subject))
    today = app.world.now().date()
    rows = tuple(
        QuarantineRow(**each.model_dump(), subject=each.subject, holds=each.holds_on(today)) for each in known
    )
    app.emit(QuarantinesDocument(quarantines=rows))
    for each in known:
        app.say(quarantine_line(each, today))
    if not known:
        app.say("nothing is in quarantine")

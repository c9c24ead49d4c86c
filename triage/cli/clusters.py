"""`triage clusters` and `triage explain`: what belongs together, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from triage.campaign.clusters_of_run import clusters_of_run
from triage.campaign.explanation import KnownCause, deciding, known_cause, known_causes, root_cause_of
from triage.campaign.next_steps import command_in
from triage.campaign.recorded import RecordedRun, latest_recorded, read_clusters
from triage.campaign.stored_signatures import StoredSignatures, read_signatures
from triage.cli.completion import complete_cluster, complete_stamp
from triage.cli.context import App, app_command, examples, paged
from triage.cli.json_documents.base import PageRequest
from triage.cli.json_documents.clusters import (
    ClusterRow,
    ClustersDocument,
    ExplainDocument,
    FieldDifference,
    Membership,
    MoveByRule,
    RulesPreviewDocument,
    ToldWhy,
)
from triage.cli.lookup import recorded
from triage.cli.terminal import quarantine_line
from triage.cluster.explain import differences, shared_in_words
from triage.cluster.registry import ClusterRegistry, as_decided, home_of, with_proposals
from triage.cluster.why_words import reason_in_words
from triage.errors import UsageError
from triage.evidence.folder import EvidenceFolder
from triage.model.base_commit import BaseVerdict
from triage.model.cluster import Cluster, ClusterStatus, Why
from triage.model.signature import Signature
from triage.text.plural import counted_noun

_MOST_TESTS = 20
"""Tests of a cluster, or of one signature, that are listed."""

SignaturesByTest = dict[str, list[Signature]]
"""Node id to the signatures of its failures."""


@app_command(
    epilog=examples(
        "triage clusters",
        "triage clusters 20261123T061000Z --json",
        "triage clusters --all",
        "triage clusters --json --limit 20 --fields id,title,members",
        "triage clusters --rules plans/cluster_rules.toml",
    )
)
@paged()
@click.argument("stamp", required=False, shell_complete=complete_stamp)
@click.option("--all", "everything", is_flag=True, help="Resolved and merged ones too.")
@click.option(
    "--rules", type=click.Path(path_type=Path), metavar="FILE", help="Only show what these rules would move."
)
def clusters_command(
    app: App, stamp: str | None, everything: bool, rules: Path | None, page: PageRequest
) -> None:
    """Clusters of a run (default: the latest) with members and the evidence for each join.

    Titles, status, merges and splits are as decided by now; members and states are the run's. With --rules
    nothing is recorded: it says which failures of the run a file of rules would move, and where to.
    """
    registry = app.registry()
    if rules is not None:
        _preview(app, registry, stamp, rules)
        return
    run = _run_for_clusters(app, registry, stamp or page.stamp)
    if run is not None:
        clusters = clusters_of_run(app.output, registry, run.folder)
    else:
        clusters = as_decided(registry, ())
    wanted = [cluster for cluster in clusters if everything or _is_open(cluster)]
    wanted.sort(key=lambda cluster: cluster.number)
    stamp, trouble = (run.record.stamp, run.trouble) if run is not None else (None, None)
    shown, following = page.page(wanted, stamp)
    rows = tuple(
        ClusterRow.of_cluster(cluster, root_cause_of(app.output, registry, cluster.id)) for cluster in shown
    )
    document = ClustersDocument(
        stamp=stamp, void=trouble, clusters=rows, total=len(wanted), next_cursor=following
    )
    app.emit(document, page.fields)
    if run is not None and run.heading is not None:
        app.say(f"{run.record.stamp}: {run.heading}")
    causes = known_causes(app.output, registry)
    for cluster in shown:
        _say_cluster(app, registry, cluster, causes.get(cluster.id))
    if following is not None:
        app.say(f"and {len(wanted) - page.offset - len(shown)} more: --cursor {following}")
    if not wanted:
        app.say("no clusters" if everything else "no open clusters; --all shows the others")


def _run_for_clusters(app: App, registry: ClusterRegistry, stamp: str | None) -> RecordedRun | None:
    """The run to show; None where there is none, and the journal alone has clusters."""
    if stamp is None and registry.clusters:
        return latest_recorded(app.output, app.root)
    return recorded(app, stamp)


def _preview(app: App, registry: ClusterRegistry, stamp: str | None, path: Path) -> None:
    # what clusters anew takes longer to import than what only shows
    from triage.campaign.inputs import context_of
    from triage.cli import wiring
    from triage.cluster.assign import preview
    from triage.cluster.rules_file import parse_rules

    try:
        text = path.read_text("utf-8", "replace")
    except OSError as error:
        raise UsageError("bad-rules", f"{path}: {error.strerror}", "name a file of rules") from error
    rules = parse_rules(text, today=app.world.now().date(), source=str(path))
    rules.check_clusters(registry, str(path))
    record = recorded(app, stamp).record
    services = wiring.services(app)
    moves = preview(
        record,
        registry,
        rules,
        signer=services.signer,
        factory=registry.event_factory(app.world.timestamp(), app.world.actor),
        context=context_of(services, record, registry),
    )
    rows = tuple(MoveByRule(**move._asdict()) for move in moves)
    app.emit(RulesPreviewDocument(stamp=record.stamp, expired=tuple(rules.expired), moves=rows))
    for move in moves:
        rule, *others = map(repr, move.rules)
        beside = f", before {', '.join(others)}, which match too" if others else ""
        app.say(f"{move.origin} -> {move.target}  {move.nodeid}  (rule {rule}{beside})")
    for name in rules.expired:
        app.say(f"expired: rule {name!r} decides nothing any more")
    app.say(f"{len(moves)} of the failures of {record.stamp} would move")


def _is_open(cluster: Cluster) -> bool:
    """Whether the run showed the cluster, or it waits for something to be done."""
    if cluster.is_seen:
        return True  # whatever was decided of it
    return cluster.status not in (ClusterStatus.RESOLVED, ClusterStatus.MERGED)


def _say_cluster(app: App, registry: ClusterRegistry, cluster: Cluster, cause: KnownCause | None) -> None:
    into = f" into {registry.resolve(cluster.id)}" if cluster.status is ClusterStatus.MERGED else ""
    app.say(_heading(cluster))
    app.say(
        f"  {cluster.status.value}{into}, {cluster.state_in_run or 'not in this run'},"
        f" owner {cluster.owner or '-'}, {counted_noun(len(cluster.members), 'test')}"
    )
    if cluster.base is not None:
        app.say(f"  against the base: {cluster.base.value}")
    if cluster.quarantine is not None:
        app.say(f"  {quarantine_line(cluster.quarantine, app.world.now().date())}")
    if cause is not None:
        app.say(f"  {cause.heading}: {cause.summary}")
    else:
        _say_unknown_cause(app, registry, cluster)
    for nodeid in cluster.members[:_MOST_TESTS]:
        app.say(f"    {nodeid}")
    if len(cluster.members) > _MOST_TESTS:
        app.say(f"    and {len(cluster.members) - _MOST_TESTS} more: triage show {cluster.id} --full")
    for why in deciding(cluster):
        _say_why(app, why)


def _heading(cluster: Cluster) -> str:
    also = f" (also {', '.join(cluster.aliases)})" if cluster.aliases else ""
    return f"{cluster.id}{also}  {cluster.title}"


def _say_why(app: App, why: Why) -> None:
    """One piece of evidence, with the command that confirms it where it only proposes."""
    app.say(f"  {reason_in_words(why)}")
    if why.confirm:
        app.say(f"    confirm with: {why.confirm}")


@app_command(
    epilog=examples(
        "triage explain C19",
        "triage explain C19 tests/test_gradients.py::test_flow",
        "triage explain C19 --stamp 20261123T061000Z --json",
    )
)
@click.argument("cluster", shell_complete=complete_cluster)
@click.argument("nodeid", required=False)
@click.option(
    "--stamp", metavar="STAMP", shell_complete=complete_stamp, help="The run to explain; default: the latest."
)
def explain_command(app: App, cluster: str, nodeid: str | None, stamp: str | None) -> None:
    """Say why these failures are together; with NODEID, why that test is in the cluster or is not."""
    registry = app.registry()
    found = with_proposals(registry, registry.cluster(cluster))
    folder = _folder_to_explain(app, stamp)
    stored = read_signatures(folder) if folder is not None else StoredSignatures((), {})
    in_run = read_clusters(folder.path) if folder is not None else ()
    # what was merged into it since had ids of its own then
    ids = {each.id for each in in_run if home_of(registry, each) == found.id}
    base = _on_base(app, registry, folder, in_run, found.id)
    members = stored.members(ids)
    cause = known_cause(app.output, registry, found.id)
    verdict = _verdict(nodeid, registry, ids, stored, found.id) if nodeid is not None else None
    document = ExplainDocument(
        cluster=found.id,
        title=found.title,
        stamp=folder.stamp if folder is not None else None,
        why=tuple(ToldWhy.of(why) for why in deciding(found)),
        base=base,
        cause=cause,
        members={test: tuple(each.fields for each in signatures) for test, signatures in members.items()},
        nodeid=nodeid,
        verdict=verdict,
    )
    app.emit(document)
    app.say(f"{found.id}  {found.title}")
    if base is not None:
        app.say(f"  against the base: {base.value}")
    for why in deciding(found):
        _say_why(app, why)
    if cause is not None:
        _say_cause(app, cause)
    else:
        _say_unknown_cause(app, registry, found)
    if verdict is not None:
        _say_verdict(app, verdict)
    else:
        _say_members(app, members)


def _folder_to_explain(app: App, stamp: str | None) -> EvidenceFolder | None:
    """The run's folder; without a STAMP the newest that was concluded, and None before the first."""
    if stamp is not None:
        return EvidenceFolder.find(app.output, stamp, phase="a")
    folders = EvidenceFolder.all(app.output, phase="a")
    for folder in reversed(folders):
        if folder.sealed:
            if folder is not folders[-1]:
                app.note(f"{folders[-1].stamp} was not concluded; going on from {folder.stamp}")
            return folder
    return None


def _on_base(
    app: App,
    registry: ClusterRegistry,
    folder: EvidenceFolder | None,
    in_run: Sequence[Cluster],
    cluster: str,
) -> BaseVerdict | None:
    """What the base says of a cluster in a run; None where it was not asked, or the run did not show it."""
    if folder is None:
        return None
    clusters = clusters_of_run(app.output, registry, folder, in_run)
    return next((each.base for each in clusters if each.id == cluster), None)


def _say_unknown_cause(app: App, registry: ClusterRegistry, cluster: Cluster) -> None:
    """That nobody has found the cause, and what finds it; nothing where nothing is due."""
    command = command_in(registry, cluster, None)
    if command is not None and command.startswith("triage probe "):
        app.say(f"  cause: not found yet, {command} asks for it")


def _say_cause(app: App, cause: KnownCause) -> None:
    """What an experiment found."""
    app.say(f"  {cause.heading}: {cause.kind}: {cause.summary}")
    for culprit in cause.culprits:
        app.say(f"    culprit: {culprit}")
    app.say(f"    evidence: {cause.evidence}")


def _verdict(
    nodeid: str, registry: ClusterRegistry, ids: set[str], stored: StoredSignatures, cluster_id: str
) -> Membership:
    homes = stored.clusters_of(nodeid)
    if ids & set(homes):
        return Membership(
            member=True, reason=f"{nodeid} is in {cluster_id}: its failure looks like the others"
        )
    if not homes:
        raise UsageError(
            "unknown-nodeid", f"{nodeid} did not fail in this run", "`triage results` lists what did"
        )
    own = stored.members(homes[:1])[nodeid][0]
    theirs = [signature for signatures in stored.members(ids).values() for signature in signatures]
    home = registry.resolve(homes[0]) if homes[0] in registry.clusters else homes[0]
    return Membership(
        member=False,
        cluster=home,
        reason=f"{nodeid} is in {home}, not in {cluster_id}",
        differences=tuple(FieldDifference(**each._asdict()) for each in differences(own, theirs)),
        confirm=f"triage merge {cluster_id} {home}",
    )


def _say_members(app: App, members: SignaturesByTest) -> None:
    """Each kind of failure in the cluster: what its failures have in common, and its tests."""
    signature_of: dict[str, Signature] = {}
    tests_of: dict[str, list[str]] = {}
    for nodeid, signatures in members.items():
        for signature in signatures:
            signature_of[signature.id] = signature
            tests_of.setdefault(signature.id, []).append(nodeid)
    for signature_id, tests in tests_of.items():
        app.say("  one kind of failure:")
        for line in shared_in_words(signature_of[signature_id]):
            app.say(f"    {line}")
        app.say(f"    tests ({len(tests)})")
        for nodeid in tests[:_MOST_TESTS]:
            app.say(f"      {nodeid}")
        if len(tests) > _MOST_TESTS:
            app.say(f"      and {len(tests) - _MOST_TESTS} more; --json names all")


def _say_verdict(app: App, verdict: Membership) -> None:
    app.say(f"  {verdict.reason}")
    if not verdict.member:
        for difference in verdict.differences:
            app.say(f"    {difference.field}: {difference.own}")
            app.say(f"      there: {', '.join(difference.theirs)}")
        app.say(f"  to join them all the same: {verdict.confirm}")

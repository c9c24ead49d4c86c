"""`triage prune`: remove evidence that nothing cites any more."""

from __future__ import annotations

from collections import Counter

import click

from triage.cli import wiring
from triage.cli.context import App, app_command, examples
from triage.cli.json_documents.project import PruneDocument
from triage.text.plural import counted_noun

_KEEP_DAYS = 30
"""A month: what a pull request of last week ran into can still be looked at."""
_KEEP_RUNS = 20
"""As many as are searched for the run that shows a test red (`recorded_order`)."""
_WEEK = 7


def _days(_ctx: click.Context, _param: click.Parameter, text: str) -> int:
    """Read days as a number, or with a unit: 30, 30d, 4w."""
    number = text.removesuffix("d").removesuffix("w")
    if not number.isascii() or not number.isdigit():
        raise click.BadParameter(f"{text!r} is no time: write 30, 30d or 4w")
    return int(number) * (_WEEK if text.endswith("w") else 1)


@app_command(
    epilog=examples(
        "triage prune --dry-run",
        "triage prune --keep-days 90 --keep-runs 50",
        "triage prune --keep 4w --json",
    )
)
@click.option(
    "--keep-days",
    "--keep",
    callback=_days,
    default=str(_KEEP_DAYS),
    show_default=True,
    metavar="DAYS",
    help="Keep what is younger: 30, 30d, 4w.",
)
@click.option(
    "--keep-runs",
    type=click.IntRange(1),
    default=_KEEP_RUNS,
    show_default=True,
    metavar="N",
    help="Keep the N newest of each campaign and phase.",
)
@click.option("--dry-run", is_flag=True, help="Say what would go; change nothing.")
def prune_command(app: App, *, keep_days: int, keep_runs: int, dry_run: bool) -> None:
    """Remove STAMP folders that are old, finished, and cited by nothing.

    Whatever journal, ledgers, plans and documents cite stays, and so does the newest run of every open
    cluster. The journal keeps the seal of what went, so that `triage check` knows of it.
    """
    from triage.campaign.prune import prune
    from triage.campaign.retention import Policy

    plan = prune(wiring.services(app), Policy(days=keep_days, runs=keep_runs), dry_run=dry_run)
    size = sum(row.bytes for row in plan.pruned)
    app.emit(
        PruneDocument(
            dry_run=dry_run,
            keep_days=keep_days,
            keep_runs=keep_runs,
            pruned=plan.pruned,
            bytes=size,
            kept=plan.kept,
        )
    )
    total = counted_noun(len(plan.pruned) + len(plan.kept), "STAMP folder")
    verb = "would be removed" if dry_run else "removed"
    app.say(f"{len(plan.pruned)} of {total} {verb}, {size / (1 << 20):.1f} MiB")
    for row in plan.pruned:
        app.say(f"  {row.folder}")
    reasons = Counter(row.reason.partition(":")[0] for row in plan.kept)
    for reason, number in reasons.most_common():
        app.say(f"kept {number}: {reason}")

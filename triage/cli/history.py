"""`triage history`: how one test fared over the runs."""

from __future__ import annotations

import click

from triage.cli import compose
from triage.cli.context import App, app_command, examples
from triage.errors import UsageError


@app_command(
    epilog=examples("triage history tests/test_a.py::test_b", "triage history NODEID --limit 200 --json")
)
@click.argument("nodeid")
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1), help="The newest so many runs."
)
def command(app: App, nodeid: str, limit: int) -> None:
    """How one test fared over the recorded runs, newest first."""
    store = compose.store(app.settings, app.root)
    rows = store.history(nodeid, limit)
    store.close()
    if not rows:
        raise UsageError(
            "unknown-nodeid",
            f"no recorded run has {nodeid!r}",
            "'triage results' lists the node ids of a run",
        )
    app.emit({"nodeid": nodeid, "runs": [row.model_dump(mode="json") for row in rows]})
    for row in rows:
        seconds = "" if row.duration is None else f"{row.duration:9.3f} s"
        commit, signature = (row.commit or "-")[:10], row.signature or ""
        app.say(f"{row.stamp}  {row.outcome:<8} {seconds:>11}  {commit:<10}  {signature}".rstrip())
    red = sum(row.outcome.is_red for row in rows)
    app.say(f"{red} of {len(rows)} runs red")

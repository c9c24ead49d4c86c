"""`triage flaky`: the tests that fare differently from run to run, by failure rate."""

from __future__ import annotations

import click

from triage.campaign.flaky_tests import FlakyTest, flaky_tests
from triage.cli import wiring
from triage.cli.context import App, app_command, examples


@app_command(epilog=examples("triage flaky", "triage flaky --limit 20 --json", "triage flaky --all"))
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="At most so many tests.")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Every test that was red in some runs and green in others: a change may have done it.",
)
def flaky_command(app: App, limit: int, everything: bool) -> None:
    """Tests that were red and green without a change between, by failure rate.

    That is: within one run, or in runs of one commit with a clean tree.

    Rates count executions, reruns included; the interval is Wilson's, 95 %. A flip is a run in which the test
    was red and green, or a change of colour from one run to the next (of which code may be the cause).
    """
    store = wiring.store(app.settings, app.output)
    found = flaky_tests(store, app.registry())
    store.close()
    shown = [test for test in found if everything or test.is_flaky]
    app.emit({"tests": shown[:limit], "more": max(0, len(shown) - limit)})
    for test in shown[:limit]:
        app.say(_line(test))
    if not shown:
        app.say("no recorded test was red and green without a change between")
    elif len(shown) > limit:
        app.say(f"and {len(shown) - limit} more: --limit {len(shown)} shows them")


def _line(test: FlakyTest) -> str:
    columns = [
        f"{test.rate:4.0%} ({test.low:.0%} to {test.high:.0%})",
        f"{test.failed:>4} of {test.runs:<4}",
        f"{test.flips_per_100_runs:5.1f} flips/100 runs",
        f"since {test.first_seen}",
        test.nodeid,
    ]
    if test.clusters:
        columns.append(" ".join(test.clusters))
    if test.quarantine is not None:
        columns.append(f"in quarantine until {test.quarantine.until}")
    if test.last_cause:
        columns.append(f"- {test.last_cause}")
    return "  ".join(columns)

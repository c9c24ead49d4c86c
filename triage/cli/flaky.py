"""`triage flaky`: the tests that fare differently from run to run, by failure rate."""

from __future__ import annotations

from datetime import date

import click

from triage.campaign.flaky_test import FlakyTest
from triage.campaign.flaky_tests import flaky_tests
from triage.cli import wiring
from triage.cli.context import App, app_command, examples, paged
from triage.cli.json_documents.base import PageRequest
from triage.cli.json_documents.runs import FlakyDocument


@app_command(epilog=examples("triage flaky", "triage flaky --limit 20 --json", "triage flaky --all"))
@paged(default=50)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Every test that was red in some runs and green in others: a change may have done it.",
)
def flaky_command(app: App, everything: bool, page: PageRequest) -> None:
    """Tests that were red and green without a change between, by failure rate.

    That is: within one run, or in runs of one commit with a clean tree.

    Rates count executions, reruns included; the interval is Wilson's, 95 %. A flip is a run in which the test
    was red and green, or a change of colour from one run to the next (of which code may be the cause).
    """
    store = wiring.store(app.settings, app.output)
    found = flaky_tests(store, app.registry())
    store.close()
    wanted = [test for test in found if everything or test.is_flaky]
    shown, following = page.page(wanted)
    more = max(0, len(wanted) - page.offset - len(shown))
    app.emit(FlakyDocument(tests=shown, more=more, total=len(wanted), next_cursor=following), page.fields)
    today = app.world.now().date()
    for test in shown:
        app.say(line_of(test, today))
    if not wanted:
        app.say("no recorded test was red and green without a change between")
    elif more:
        app.say(f"and {more} more: --limit {len(wanted)} shows them")


def line_of(test: FlakyTest, today: date) -> str:
    """The figures of a test, and what is known of it, on one line."""
    columns = [
        f"red {test.rate:4.0%} ({test.low:.0%} to {test.high:.0%})",
        f"{test.failed:>4} of {test.runs:<4} executions",
        f"{test.flips_per_100_runs:5.1f} flips in 100 runs",
        f"since {test.first_seen}",
        test.nodeid,
    ]
    if test.clusters:
        columns.append(" ".join(test.clusters))
    if test.quarantine is not None:
        until = test.quarantine.until
        has_ended = not test.quarantine.holds_on(today)
        columns.append(f"quarantine ended {until}" if has_ended else f"in quarantine until {until}")
    if test.last_cause:
        columns.append(f"- {test.last_cause}")
    return "  ".join(columns)

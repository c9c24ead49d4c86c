"""`triage hunt`: latent flaky tests of a green suite."""

from __future__ import annotations

import re

import click

from triage.cli import wiring
from triage.cli.context import App, app_command, examples
from triage.errors import ExitCode, UsageError

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smh]?)")
_WORKERS = 2


@app_command(
    epilog=examples(
        "triage hunt",
        "triage hunt tests/unit --budget 10m",
        "triage hunt --seed 7 --budget 90 --only order",
        "triage hunt --gate --json        # nightly: exit 1 for a new latent test",
        "triage hunt --resume",
    )
)
@click.argument("selectors", nargs=-1, metavar="[SELECTOR]...")
@click.option("--budget", metavar="T", help="90, 10m, 1h; default: twice the suite's time and two minutes.")
@click.option("--seed", type=int, default=1, show_default=True, help="Makes a hunt repeatable.", metavar="N")
@click.option("--resume", is_flag=True, help="Take over the runs of the hunt that was cut short.")
@click.option("--gate", is_flag=True, help="Exit 1 where a latent test is found that was not known.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(["order", "environment", "time", "chance", "numbers"]),
    help="Try only this; may be given again.",
)
@click.option("--workers", type=int, help="How many processes at once (default: 2).")
@click.option("--campaign", help="Folder under reports/.", metavar="NAME")
@click.option("--stamp", help="Name of the hunt's folder; default: the time, UTC.", metavar="STAMP")
def hunt_command(
    app: App,
    *,
    selectors: tuple[str, ...],
    budget: str | None,
    seed: int,
    resume: bool,
    gate: bool,
    only: tuple[str, ...],
    workers: int | None,
    campaign: str | None,
    stamp: str | None,
) -> ExitCode:
    """Look for latent flaky tests: green as they stand, red in another order, place, time, or by chance.

    Runs the suite in copies of the tree in orders and surroundings of all kinds, and proves what was red by
    controlled experiments. What is proven becomes a cluster with the state latent, which no gate of a run
    counts. Exit 0; with --gate exit 1 for a new one, 3 where nothing could be hunted.
    """
    from triage.cli.hunt_ending import say_hunt
    from triage.hunt.flow import hunt
    from triage.hunt.record import write_hunt
    from triage.hunt.state import Request

    app.flags = {"campaign": campaign}
    if workers is not None and workers < 1:
        raise UsageError("bad-count", f"--workers {workers} is less than one", "give at least 1")
    request = Request(
        selectors=selectors,
        budget=_seconds(budget),
        seed=seed,
        resume=resume,
        only=only,
        workers=workers or _WORKERS,
        began=app.world.began,
    )
    services = wiring.services(app)
    state = hunt(services, request, lambda: wiring.phase_folder(app, "b", stamp))
    report = write_hunt(state, lambda: wiring.phase_folder(app, "b", None))
    say_hunt(app, report)
    is_new = any(found.new for found in report.latent)
    return ExitCode.FAILURES if gate and is_new else ExitCode.OK


def _seconds(text: str | None) -> float | None:
    """`90`, `10m` or `1h` in seconds."""
    if text is None:
        return None
    match = _DURATION.fullmatch(text)
    if match is None or float(match[1]) <= 0:
        raise UsageError("hunt-budget", f"--budget {text!r} is no time", "write 90, 10m or 1h")
    return float(match[1]) * _UNITS[match[2]]

"""`triage probe`: phase B."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from triage.cli import wiring
from triage.cli.attribute import say_causes
from triage.cli.completion import complete_cluster
from triage.cli.context import App, app_command, examples
from triage.cli.lookup import run_to_work_on
from triage.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from triage.base.target import Target
    from triage.campaign.services import Services
    from triage.lab.budget import Budget
    from triage.model.experiment import Factor, ProbeReport
    from triage.probe.api import Probe

DEFAULT_BUDGET = 600.0
"""Seconds; enough for the whole ladder on a test of a few seconds."""
DEFAULT_WORKERS = 2
"""The two arms of an experiment side by side."""
_LEAST_HUNT = 5.0
"""Seconds of the budget that must be left to hunt a test that is green as it stands."""


@app_command(
    epilog=examples(
        "triage probe C19",
        "triage probe tests/test_gradients.py::TestAdvancedGradients::test_gradient_flow_simulation",
        "triage probe C19 --probe signal --factor config:simulator.config.CrystalConfig.default_F=100",
        "triage probe --all --base main --budget 300",
        "triage probe C4 --probe order --probe environment --budget 120 --workers 2 --json",
    )
)
@click.argument("subject", metavar="C19|NODEID", required=False, shell_complete=complete_cluster)
@click.option(
    "--all", "everything", is_flag=True, help="One joint search for all red tests of the latest run."
)
@click.option(
    "--base", metavar="REF|auto", help="With --all: a commit on which they were green (default: auto)."
)
@click.option("--probe", "names", multiple=True, metavar="NAME", help="Only this probe; may be given again.")
@click.option("--repeats", type=int, help="How often each arm of an experiment runs (default: 4 and 4).")
@click.option("--budget", type=float, metavar="SECONDS", help="What it may take (default: 600).")
@click.option("--factor", "factors", multiple=True, metavar="KIND:NAME=VALUE", help="Try this change first.")
@click.option("--workers", type=int, help="How many runs at once (default: 2).")
@click.option(
    "--isolation",
    type=click.Choice(["warm", "fresh"]),
    help="Fork runs from a process that has imported the libraries, or start each anew.",
)
@click.option("--campaign", help="Folder under reports/.", metavar="NAME")
@click.option("--stamp", help="Name of this probe's folder; default: the time, UTC.", metavar="STAMP")
def probe_command(
    app: App,
    *,
    subject: str | None,
    everything: bool,
    base: str | None,
    names: tuple[str, ...],
    repeats: int | None,
    budget: float | None,
    factors: tuple[str, ...],
    workers: int | None,
    isolation: str | None,
    campaign: str | None,
    stamp: str | None,
) -> ExitCode:
    """Phase B: find out by controlled experiment why a test or a cluster fails.

    A test that is green as it stands is hunted: run in other orders, surroundings and at other times.
    Exit 0 where a cause was found (proven or likely), 1 where it is still unknown, 2 where the request
    makes no sense, 3 where the failure was not reproduced or the suite cannot be collected.
    """
    from triage.lab.budget import Budget
    from triage.probe.investigate import Request, probe

    app.flags = {"campaign": campaign, "base": base, "isolation": isolation}
    seconds = _budget(budget if budget is not None else app.settings.budget)
    workers = _at_least_one(workers, "--workers") or DEFAULT_WORKERS
    if everything:
        if subject is not None or names or factors:
            raise UsageError("bad-probe", "--all asks about everything that is red", "leave the rest out")
        repeats = _at_least_one(repeats, "--repeats")
        return _probe_all(app, Budget(seconds=seconds, repeats=repeats), workers, stamp)
    if subject is None:
        raise UsageError("bad-probe", "nothing is named", "name a cluster or a test, or give --all")
    run = run_to_work_on(app)
    request = Request(
        subject=subject,
        probes=_probes(names),
        only=bool(names),
        factors=tuple(_factor(text) for text in factors),
        budget=Budget(seconds=seconds, repeats=_at_least_one(repeats, "--repeats")),
        workers=workers,
        record=run.record if run else None,
        record_folder=run.folder.path if run else None,
    )
    services = wiring.services(app)
    report = probe(services, request, lambda: wiring.phase_folder(app, "b", stamp))
    if report.is_green and not names:
        report = _hunted(app, services, report, seconds - report.seconds, workers)
    _say(app, report)
    return _exit_code(report)


def _hunted(app: App, services: Services, report: ProbeReport, seconds: float, workers: int) -> ProbeReport:
    """Hunt a test that is green as it stands; the report on what makes it fail, else the same with a note."""
    from triage.hunt.one_test import hunt_one

    subject = report.subject[0]
    if seconds < _LEAST_HUNT:
        return report
    app.note(f"{subject} is green as it stands: hunting for what makes it fail")
    found = hunt_one(services, subject, seconds, workers, lambda: wiring.phase_folder(app, "b", None))
    if found is not None:
        return found
    note = "It was hunted in other orders, surroundings, at other times, and stayed green."
    return report.model_copy(update={"notes": (*report.notes, note)})


def _probe_all(app: App, budget: Budget, workers: int, stamp: str | None) -> ExitCode:
    """One joint search; exit 0 where every red test that was asked about has a cause, else 1."""
    from triage.attribute.flow import probe_all
    from triage.cli.json_documents.phases import JointDocument

    run = run_to_work_on(app)
    if run is None:
        raise UsageError("no-runs", "no run has been recorded", "start with 'triage run'")
    target = _base_of_search(app)
    names = iter([stamp])  # the first folder alone has the STAMP that somebody named
    report = probe_all(
        wiring.services(app),
        run.record,
        target,
        app.settings.suite(str(app.root)),
        lambda: wiring.phase_folder(app, "b", next(names, None)),
        budget=budget,
        workers=workers,
    )
    app.emit(JointDocument.of(report))
    say_causes(app, report)
    return ExitCode.OK if report.causes and not report.unexplained else ExitCode.FAILURES


def _base_of_search(app: App) -> Target:
    """The base that somebody named; else the one that git and CI know, or none, with the reason."""
    from triage.base.target import AUTO, Target, find_target

    ref = app.settings.base
    try:
        return find_target(app.root, ref or AUTO, app.world.environ)
    except UsageError as error:
        if ref is not None and ref != AUTO:
            raise
        return Target(AUTO, None, error.what)


def _say(app: App, report: ProbeReport) -> None:
    from triage.cli.json_documents.phases import ProbeDocument
    from triage.documents.probe_page import lines

    app.emit(ProbeDocument.of(report))
    for line in lines(report):
        app.say(line)
    app.say(f"evidence: {report.folder}/summary.md")


def _exit_code(report: ProbeReport) -> ExitCode:
    if not report.reproduced:
        return ExitCode.VOID
    return ExitCode.FAILURES if report.root_cause.confidence == "unknown" else ExitCode.OK


def known_probes() -> tuple[Probe, ...]:
    """The built-in probes, and those that installed packages offer."""
    from triage.cli.builtin_plugins import plugins
    from triage.plugins import offers

    return tuple(offers(plugins(), "triage_probes"))


def _probes(names: tuple[str, ...]) -> tuple[Probe, ...]:
    from triage.probe.registry import chosen

    known = known_probes()
    try:
        return chosen(known, names) if names else known
    except KeyError as error:
        listed = ", ".join(probe.name for probe in known)
        raise UsageError(
            "no-such-probe", f"there is no probe {error.args[0]!r}", f"choose from {listed}"
        ) from None


def _factor(text: str) -> Factor:
    from triage.lab.protocol import Setup
    from triage.model.experiment import Factor
    from triage.probe.factors import KINDS, arms

    kind, colon, rest = text.partition(":")
    name, equals, value = rest.partition("=")
    if not (colon and equals and name) or kind not in KINDS:
        raise UsageError(
            "bad-factor", f"--factor {text!r} is no KIND:NAME=VALUE", f"kinds are {', '.join(sorted(KINDS))}"
        )
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = value
    factor = Factor(kind=kind, name=name, to=parsed)
    try:
        arms(Setup(nodeids=()), factor)
    except (ValueError, TypeError) as error:
        raise UsageError("bad-factor", f"--factor {text!r}: {error}", "give a value of that kind") from None
    return factor


def _budget(seconds: float | None) -> float:
    if seconds is None:
        return DEFAULT_BUDGET
    if not seconds > 0:
        raise UsageError(
            "no-budget", f"a budget of {seconds:g} s allows no run", "give --budget some seconds"
        )
    return seconds


def _at_least_one(number: int | None, option: str) -> int | None:
    if number is not None and number < 1:
        raise UsageError("bad-count", f"{option} {number} is less than one", "give at least 1")
    return number

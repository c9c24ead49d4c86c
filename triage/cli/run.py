"""`triage run`: phase A."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from triage.campaign.resume_command import resume_command
from triage.cli import wiring
from triage.cli.completion import complete_stamp
from triage.cli.context import App, app_command, examples
from triage.cli.run_ending import RunEnding, say_run
from triage.errors import ExitCode, UsageError, VoidError
from triage.text.pattern import pattern

if TYPE_CHECKING:
    from triage.attribute.flow import RunAttribution
    from triage.base.target import Target
    from triage.campaign.baseline import Concluded
    from triage.campaign.recorded import RecordedRun
    from triage.campaign.services import Services
    from triage.cli.json_documents.runs import RunDocument
    from triage.evidence.folder import EvidenceFolder
    from triage.model.joint_search import JointReport
    from triage.model.run import RunRecord


@app_command(
    verbosity=True,
    epilog=examples(
        "triage run",
        "triage run tests/test_gradients.py --workers 2 --test-timeout 60",
        "triage run --env CUDA_VISIBLE_DEVICES=-1 --campaign gradient-flow",
        "triage run --resume 20261123T061000Z",
        "triage run --base auto",
        "triage run --order reversed",
        "triage run --order random:7 tests/unit",
        "triage run --base auto --attribute",
        "triage run --last-failed",
        "triage run --shard 3/10 --no-ledgers -- -m 'not gpu'",
    ),
)
@click.argument("selectors", nargs=-1, metavar="[SELECTOR]... [-- PYTEST-ARG...]")
@click.option("--campaign", help="Folder under reports/.", metavar="NAME")
@click.option("--phase", type=click.Choice(["a"]), default="a", help="A run is always phase A.")
@click.option("--stamp", help="Name of this run; default: the time, UTC.", metavar="STAMP")
@click.option("--workers", type=int, help="How many chunks run at once.")
@click.option("--chunks", type=int, help="Number of chunks.")
@click.option("--chunk-seconds", type=float, help="Expected length of a chunk.")
@click.option("--chunk-manifest", help="JSON file that names the chunks and their tests.", metavar="FILE")
@click.option(
    "--order",
    metavar="FILE|reversed|random:SEED",
    help="Run the tests in this order, in one process; also randomly:SEED, random-order:SEED (what these"
    " plugins make of a seed).",
)
@click.option("--test-timeout", type=float, help="Seconds for one test; 0 is no limit.")
@click.option("--chunk-timeout", type=float, help="Seconds for one chunk's process; 0 is no limit.")
@click.option(
    "--total-timeout", type=float, help="Seconds after which no further chunk starts; 0 is no limit."
)
@click.option("--env", "env", multiple=True, metavar="K=V", help="Set a variable for the tests.")
@click.option(
    "--shard", metavar="I/N", help="Run this part of the plan; join the parts with 'triage collect'."
)
@click.option("--executor", metavar="local|dask[:ADDRESS]", help="Where chunks run.")
@click.option(
    "--isolation",
    type=click.Choice(["warm", "fresh"]),
    help="Fork each chunk from one process that has imported the suite, or start anew.",
)
@click.option(
    "--gate",
    type=click.Choice(["reason", "reason-and-test", "strict"]),
    help="When a failure is known and not new: for its reason, for its reason in the same test, or never.",
)
@click.option("--reruns", type=int, help="Run a red test again so often; 0: never.", metavar="N")
@click.option("--rerun-budget", type=float, help="Seconds for all reruns; 0 is no limit.", metavar="S")
@click.option(
    "--look-budget",
    type=float,
    help="Seconds to run red tests once more and trace which lines they execute; 0: never.",
    metavar="S",
)
@click.option(
    "--flaky", type=click.Choice(["warn", "fail"]), help="Whether flaky tests are a warning or fail the run."
)
@click.option(
    "--fail-on",
    multiple=True,
    type=click.Choice(["fixed-open"]),
    help="Fail on open clusters whose tests all pass, so that they get closed.",
)
@click.option(
    "--base",
    metavar="REF|auto",
    help="Run what fails on this commit too, and fail only for what the change broke; auto: the merge base"
    " with the target or default branch.",
)
@click.option("--base-budget", metavar="S", help="Seconds for the base; none is no limit.")
@click.option(
    "--attribute/--no-attribute",
    default=None,
    help="Find by experiments which commit and which lines broke what is red here and green on the base.",
)
@click.option("--attribute-budget", type=float, metavar="S", help="Seconds for --attribute (default: 600).")
@click.option(
    "--resume", metavar="STAMP", shell_complete=complete_stamp, help="Finish a run that was cut short."
)
@click.option("--last-failed", is_flag=True, help="Run only what was red in the newest run.")
@click.option(
    "--failed",
    metavar="STAMP",
    shell_complete=complete_stamp,
    help="Run only what was red in that run: what was new then is still new, the rest of the suite unknown.",
)
@click.option("--no-ledgers", is_flag=True, help="Leave the journal and the ledgers as they are.")
@click.option("--no-history", is_flag=True, help="Do not add the run to the history.")
def run_command(
    app: App,
    *,
    selectors: tuple[str, ...],
    phase: str,
    stamp: str | None,
    env: tuple[str, ...],
    shard: str | None,
    resume: str | None,
    last_failed: bool,
    failed: str | None,
    no_ledgers: bool,
    no_history: bool,
    fail_on: tuple[str, ...],
    **settings: Any,
) -> int:
    """Phase A: run the suite in chunks, record each outcome, cluster what failed.

    Exit 0 where nothing is new, 1 for new or regressed clusters, 3 where the run cannot answer. With --base
    that counts which the change broke: red here and green there. No earlier run is needed for it.
    """
    from triage.campaign.baseline import baseline, check_ready
    from triage.run.failed_tests import failed_tests, selectors_of
    from triage.run.order import order_of_arguments, parse_order

    pytest_args = app.behind_dashes()
    own_selectors = selectors[: len(selectors) - len(pytest_args)]
    earlier = _earlier_run(app, last_failed, failed, own_selectors, resume)
    wanted = failed_tests(earlier.record) if earlier is not None else None
    if wanted is not None and not wanted.nodeids:
        from triage.cli.json_documents.runs import NothingFailedDocument

        app.emit(NothingFailedDocument(failed_of=wanted.stamp, exit_code=int(ExitCode.OK)))
        app.say(f"nothing was red in {wanted.stamp}: nothing to run")
        return ExitCode.OK
    # the other options are settings of the same name
    app.flags = settings | {
        "env": wiring.pairs(env) or None,
        "selectors": own_selectors or None,
        "fail_on": fail_on or None,
    }
    part = _shard(shard)
    if app.settings.order is not None:
        parse_order(app.settings.order)  # a seed that is none is said before anything runs
    services = wiring.services(app)
    suite = app.settings.suite(str(app.root), part)
    all_args = (*suite.pytest_args, *pytest_args)
    order = suite.order or order_of_arguments(all_args)
    suite = suite.model_copy(update={"pytest_args": all_args, "order": order})
    if wanted is not None:
        suite = suite.model_copy(update={"failed": wanted, "selectors": selectors_of(wanted, app.root)})
    check_ready(services, ledgers=not no_ledgers)
    ref = app.settings.base
    target = _named_base(app, ref)
    folder = wiring.run_folder(app, stamp, resume)
    if resume is not None:
        target = _base_of_run(folder) or target
    elif target is None and earlier is not None:
        target = _base_of_run(earlier.folder)  # judged as they were then
    attribution = None
    if app.settings.attribute and ref is not None:
        # experiments run the suite with the arguments of the run
        own = app.settings.model_copy(update={"pytest_args": suite.pytest_args})
        attribution = _attribution(app, replace(services, settings=own))
    if attribution is None and settings["attribute"]:
        raise UsageError(
            "no-base", "--attribute needs a commit on which the tests were green", "name it with --base"
        )
    concluded = baseline(
        services,
        suite,
        folder,
        base=target,
        attribute=attribution,
        resume=resume is not None,
        ledgers=not no_ledgers,
        history=not no_history,
    )
    causes = None
    if attribution is not None:
        causes = attribution.finish(concluded.clusters, ledgers=not no_ledgers)
    _report(app, concluded, folder, causes)
    return concluded.exit_code


def _named_base(app: App, ref: str | None) -> Target | None:
    """The commit that the run is judged against, where one is named."""
    if ref is None:
        return None
    from triage.base.target import find_target

    return find_target(app.root, ref, app.world.environ)


def _base_of_run(folder: EvidenceFolder) -> Target | None:
    """The base that a run which is there already is judged against."""
    from triage.base.document import read_target

    return read_target(folder.path)


def _earlier_run(
    app: App, last: bool, stamp: str | None, selectors: tuple[str, ...], resume: str | None
) -> RecordedRun | None:
    """The run whose red tests alone are wanted; None where everything is. Refuses what makes no sense."""
    if not last and stamp is None:
        return None
    if last and stamp is not None:
        raise UsageError("usage", "--last-failed and --failed both name a run", "give one of them")
    if selectors or resume is not None:
        raise UsageError(
            "usage",
            "--failed and --last-failed choose the tests themselves",
            "leave out selectors and --resume",
        )
    from triage.cli.lookup import recorded

    run = recorded(app, stamp)
    if not run.answers:
        raise VoidError(
            "unfinished-run",
            f"{run.record.stamp} cannot say what was red: {run.trouble}",
            resume_command(run.folder) or "run the suite again",
        )
    return run


def _attribution(app: App, services: Services) -> RunAttribution:
    """The search for what the change broke; made only where it is asked for."""
    from triage.attribute.flow import RunAttribution
    from triage.lab.session import WORKERS

    settings = app.settings
    return RunAttribution(
        services,
        lambda: wiring.phase_folder(app, "b", None),
        budget=settings.attribute_budget,
        workers=max(WORKERS, settings.workers),
    )


_SHARD = pattern(
    r"([1-9][0-9]{0,5}) / ([1-9][0-9]{0,5})",
    matches=["3/10", "1/1"],
    rejects=["0/3", "3/", "a/b", "3/10/2", "-1/2"],
    how="fullmatch",
)


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = _SHARD.fullmatch(text)
    if not match or int(match[1]) > int(match[2]):
        raise UsageError("bad-shard", f"--shard {text!r} is not I/N with I from 1 to N", "write it as 3/10")
    return int(match[1]), int(match[2])


def _report(app: App, concluded: Concluded, folder: EvidenceFolder, causes: JointReport | None) -> None:
    if app.as_json:
        app.emit(_document(app, concluded, folder, causes))
    say_run(RunEnding(app, concluded, folder, causes))


def _document(
    app: App, concluded: Concluded, folder: EvidenceFolder, causes: JointReport | None
) -> RunDocument:
    from triage.cli.json_documents.runs import RunDocument

    record = concluded.record
    return RunDocument.of_run(
        record,
        concluded,
        app.shown(folder.path),
        campaign=record.campaign,
        base=record.base,
        causes=causes,
        hints=record.hints,
        exit_code=int(concluded.exit_code),
        failed_of=_failed_of(record),
    )


def _failed_of(record: RunRecord) -> str | None:
    failed = record.plan.failed if record.plan is not None else None
    return failed.stamp if failed is not None else None

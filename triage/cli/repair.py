"""`triage design` and `triage verify`: phases C and D."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from triage.cli import wiring
from triage.cli.completion import complete_cluster
from triage.cli.context import App, app_command, examples
from triage.errors import ExitCode
from triage.text.plural import counted_noun

if TYPE_CHECKING:
    from triage.repair.document import CheckedCriterion, Design, Option, Verification

_MOST_SURVIVORS = 3
"""Breaks that a repaired test does not notice and that are named on the screen."""


@app_command(
    epilog=examples(
        "triage design C19",
        "triage design C19 --option options/A-default-F.patch --option options/B-hkl-file.patch",
        "triage design C19 --option fix.patch --sabotage detach.patch --json",
        "triage design gradient-flow",
    )
)
@click.argument("subject", metavar="C19|CAMPAIGN", shell_complete=complete_cluster)
@click.option(
    "--option",
    "options",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATCH",
    help="A repair to compare; may be given again (default: what the probe proposed).",
)
@click.option(
    "--sabotage",
    "sabotages",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATCH",
    help="A break of the product that the repaired test must notice; may be given again.",
)
@click.option("--campaign", help="Folder under reports/ and name of the plan.", metavar="NAME")
@click.option("--stamp", help="Name of this design's folder; default: the time, UTC.", metavar="STAMP")
def design_command(
    app: App,
    *,
    subject: str,
    options: tuple[Path, ...],
    sabotages: tuple[Path, ...],
    campaign: str | None,
    stamp: str | None,
) -> ExitCode:
    """Phase C: apply each repair to a scratch copy, run it, recommend one, and fix the exit criteria.

    Exit 0 where an option is recommended, 1 where none is eligible, 2 where the request makes no sense.
    """
    from triage.cli.json_documents.phases import DesignDocument, DesignsDocument
    from triage.lab.shared_forks import sharing_forks
    from triage.repair.design import design, prepare

    app.flags = {"campaign": campaign}
    services = wiring.services(app)
    designs = []
    every = prepare(services, subject, options, sabotages)
    with ExitStack() as stack:
        if len(every) > 1:
            stack.enter_context(sharing_forks(services.root, lambda: wiring.executor(app.settings)))
        for prepared in every:
            folder = wiring.phase_folder(app, "c", stamp)
            designs.append(design(services, prepared, folder))
            _say_design(app, designs[-1])
    if len(designs) == 1:
        app.emit(DesignDocument.of(designs[0]))
    else:
        app.emit(DesignsDocument(designs=tuple(designs)))
    return ExitCode.OK if all(each.recommended for each in designs) else ExitCode.FAILURES


def _say_design(app: App, design: Design) -> None:
    app.say(f"{design.cluster}: {design.title}")
    for option in design.options:
        _say_option(app, option, recommended=option.letter == design.recommended)
    for criterion in design.criteria:
        runs = f", {counted_noun(criterion.runs, 'run')}" if criterion.runs else ""
        app.say(f"  criterion {criterion.name} ({criterion.scope}{runs}): {criterion.text}")
    app.say(f"evidence: {design.folder}/design.md")
    if design.recommended:
        app.say(f"next: {design.commands.apply}, then {design.commands.verify}")


def _say_option(app: App, option: Option, *, recommended: bool) -> None:
    verdict = "recommended" if recommended else "eligible"
    if not option.eligible:
        verdict = f"rejected: {option.against[0]}"
    seconds = f", {option.seconds:.2f} s" if option.seconds is not None else ""
    caught = sum(broken.caught for broken in option.breaks)
    app.say(f"  option {option.letter} ({option.title}): {verdict}")
    breaks = counted_noun(len(option.breaks), "break")
    app.say(
        f"    passes {option.passed} of {option.runs}{seconds}, notices {caught} of "
        f"{breaks}, files {len(option.files)}, lines +{option.added} -{option.removed}"
    )
    survivors = [broken.name for broken in option.breaks if not broken.caught]
    for name in survivors[:_MOST_SURVIVORS]:
        app.say(f"      not noticed: {name}")
    if len(survivors) > _MOST_SURVIVORS:
        app.say(f"      and {len(survivors) - _MOST_SURVIVORS} more, in the document")


@app_command(epilog=examples("triage verify C19", "triage verify gradient-flow --json"))
@click.argument("subject", metavar="C19|CAMPAIGN", shell_complete=complete_cluster)
@click.option("--campaign", help="Folder under reports/.", metavar="NAME")
@click.option("--stamp", help="Name of this verification's folder; default: the time, UTC.", metavar="STAMP")
def verify_command(app: App, subject: str, campaign: str | None, stamp: str | None) -> ExitCode:
    """Phase D: run the exit criteria in their scopes on the present tree; resolve what meets them all.

    The criteria are those of the cluster's design. Of a cluster without one, which an ordinary commit mended,
    they follow from the recorded runs that show it red: its tests pass alone and in their recorded places
    under the conditions of then, their chunk has no new failure, the tree (or the environment, which is then
    named) changed, and no test was weakened.

    Exit 0 where every criterion is met, 1 where one is not (it is named, and the cluster stays open).
    """
    from triage.cli.json_documents.phases import VerificationDocument, VerificationsDocument
    from triage.repair.undesigned import fixed_in_latest
    from triage.repair.verify import clusters_to_verify, verify

    app.flags = {"campaign": campaign}
    services = wiring.services(app)
    verifications = []
    registry = services.registry()
    fixed = fixed_in_latest(services.output, registry)
    for target in clusters_to_verify(subject, registry, fixed, services.settings.campaign):
        verification = verify(services, target, lambda: wiring.phase_folder(app, "d", stamp))
        verifications.append(verification)
        _say_verification(app, verifications[-1])
    if len(verifications) == 1:
        app.emit(VerificationDocument.of(verifications[0]))
    else:
        app.emit(VerificationsDocument(verifications=tuple(verifications)))
    return ExitCode.OK if all(each.resolved for each in verifications) else ExitCode.FAILURES


def _say_verification(app: App, verification: Verification) -> None:
    app.say(f"{verification.cluster}: {verification.title}")
    for result in verification.results:
        mark = "met  " if result.met else "UNMET"
        app.say(f"  {mark} {result.name} ({_counts(result)}): {result.said}")
    app.say(f"evidence: {verification.folder}/verify.md")
    if verification.resolved:
        app.say(f"{verification.cluster} is resolved")
    else:
        app.say(f"{verification.cluster} stays open: unmet {', '.join(verification.unmet)}")


def _counts(result: CheckedCriterion) -> str:
    """Scope and runs."""
    words = [result.scope.value]
    if result.runs:
        words.append(f"{result.passed} of {counted_noun(result.runs, 'run')}")
    return ", ".join(words)

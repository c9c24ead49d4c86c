"""`triage design`: phase C."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from triage.cli import wiring
from triage.cli.context import App, app_command, examples
from triage.errors import ExitCode


@app_command(
    epilog=examples(
        "triage design C19",
        "triage design C19 --option options/A-default-F.patch --option options/B-hkl-file.patch",
        "triage design C19 --option fix.patch --sabotage detach.patch --json",
        "triage design gradient-flow",
    )
)
@click.argument("subject", metavar="C19|CAMPAIGN")
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
    app: App, subject: str, options: tuple[Path, ...], sabotages: tuple[Path, ...], **more: Any
) -> ExitCode:
    """Phase C: apply each repair to a scratch copy, run it, recommend one, and fix the exit criteria.

    Exit 0 where an option is recommended, 1 where none is eligible, 2 where the request makes no sense.
    """
    from triage.documents.render import project_templates
    from triage.repair.design import design, prepare
    from triage.repair.inputs import clusters_named

    app.flags = {"campaign": more["campaign"]}
    templates = project_templates(app.root, app.settings.templates)
    services = wiring.services(app)
    ids = clusters_named(subject, services.registry(), app.settings.campaign)
    prepared = [prepare(services, cluster_id, options, sabotages) for cluster_id in ids]
    designs = []
    for one in prepared:
        folder = wiring.phase_folder(app, "c", more["stamp"])
        designs.append(design(services, one, folder, templates))
        _say_design(app, designs[-1])
    app.emit(designs[0] if len(designs) == 1 else {"designs": designs})
    return ExitCode.OK if all(each["recommended"] for each in designs) else ExitCode.FAILURES


def _say_design(app: App, values: dict[str, Any]) -> None:
    app.say(f"{values['cluster']}: {values['title']}")
    for option in values["options"]:
        verdict = "recommended" if option["letter"] == values["recommended"] else "eligible"
        if not option["eligible"]:
            verdict = f"rejected: {option['against'][0]}"
        caught = sum(broken["caught"] for broken in option["breaks"])
        seconds = f", {option['seconds']:.2f} s" if option["seconds"] is not None else ""
        app.say(f"  option {option['letter']} ({option['title']}): {verdict}")
        app.say(
            f"    passes {option['passed']} of {option['runs']}{seconds}, notices {caught} of "
            f"{len(option['breaks'])} breaks, files {len(option['files'])}, "
            f"lines +{option['added']} -{option['removed']}"
        )
    for criterion in values["criteria"]:
        runs = f", {criterion['runs']} runs" if criterion["runs"] else ""
        app.say(f"  criterion {criterion['name']} ({criterion['scope']}{runs}): {criterion['text']}")
    app.say(f"evidence: {values['folder']}/design.md")
    if values["recommended"]:
        app.say(f"next: {values['commands']['apply']}, then {values['commands']['verify']}")


@app_command(epilog=examples("triage verify C19", "triage verify gradient-flow --json"))
@click.argument("subject", metavar="C19|CAMPAIGN")
@click.option("--campaign", help="Folder under reports/.", metavar="NAME")
@click.option("--stamp", help="Name of this verification's folder; default: the time, UTC.", metavar="STAMP")
def verify_command(app: App, subject: str, campaign: str | None, stamp: str | None) -> ExitCode:
    """Phase D: run the exit criteria in their scopes on the present tree; resolve what meets them all.

    Exit 0 where every criterion is met, 1 where one is not (it is named, and the cluster stays open).
    """
    from triage.documents.render import project_templates
    from triage.repair.verify import clusters_to_verify, verify

    app.flags = {"campaign": campaign}
    templates = project_templates(app.root, app.settings.templates)
    services = wiring.services(app)
    done = []
    for designed in clusters_to_verify(subject, services.registry()):
        folder = wiring.phase_folder(app, "d", stamp)
        done.append(verify(services, designed, folder, templates))
        _say_verification(app, done[-1])
    app.emit(done[0] if len(done) == 1 else {"verifications": done})
    return ExitCode.OK if all(each["resolved"] for each in done) else ExitCode.FAILURES


def _say_verification(app: App, values: dict[str, Any]) -> None:
    app.say(f"{values['cluster']}: {values['title']}")
    for result in values["results"]:
        runs = f", {result['passed']} of {result['runs']} runs" if result["runs"] else ""
        allowed = result["allowed_rate"]
        rest = f", still allows a failure rate of {allowed:.0%}" if allowed is not None else ""
        mark = "met  " if result["met"] else "UNMET"
        app.say(f"  {mark} {result['name']} ({result['scope']}{runs}{rest}): {result['said']}")
    app.say(f"evidence: {values['folder']}/verify.md")
    if values["resolved"]:
        app.say(f"{values['cluster']} is resolved")
    else:
        app.say(f"{values['cluster']} stays open: unmet {', '.join(values['unmet'])}")

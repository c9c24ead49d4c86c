"""`triage design`: phase C."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from triage.cli import compose
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
def command(
    app: App, subject: str, options: tuple[Path, ...], sabotages: tuple[Path, ...], **more: Any
) -> ExitCode:
    """Phase C: apply each repair to a scratch copy, run it, recommend one, and fix the exit criteria.

    Exit 0 where an option is recommended, 1 where none is eligible, 2 where the request makes no sense.
    """
    from triage.phase.design.api import design, prepare
    from triage.phase.design.basis import clusters_named
    from triage.phase.templates import project_templates

    app.flags = {"campaign": more["campaign"]}
    templates = project_templates(app.root, app.settings.templates)
    tools = compose.tools(app)
    ids = clusters_named(subject, tools.book(), app.settings.campaign)
    prepared = [prepare(tools, cluster_id, options, sabotages) for cluster_id in ids]
    designs = []
    for one in prepared:
        folder = compose.phase_folder(app, "c", more["stamp"])
        designs.append(design(tools, one, folder, templates))
        _say(app, designs[-1])
    app.emit(designs[0] if len(designs) == 1 else {"designs": designs})
    return ExitCode.OK if all(each["recommended"] for each in designs) else ExitCode.FAILURES


def _say(app: App, values: dict[str, Any]) -> None:
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

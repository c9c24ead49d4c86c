"""`triage verify`: phase D."""

from __future__ import annotations

from typing import Any

import click

from triage.cli import compose
from triage.cli.context import App, app_command, examples
from triage.errors import ExitCode


@app_command(epilog=examples("triage verify C19", "triage verify gradient-flow --json"))
@click.argument("subject", metavar="C19|CAMPAIGN")
@click.option("--campaign", help="Folder under reports/.", metavar="NAME")
@click.option("--stamp", help="Name of this verification's folder; default: the time, UTC.", metavar="STAMP")
def command(app: App, subject: str, campaign: str | None, stamp: str | None) -> ExitCode:
    """Phase D: run the exit criteria in their scopes on the present tree; resolve what meets them all.

    Exit 0 where every criterion is met, 1 where one is not (it is named, and the cluster stays open).
    """
    from triage.phase.templates import project_templates
    from triage.phase.verify.api import clusters_to_verify, verify

    app.flags = {"campaign": campaign}
    templates = project_templates(app.root, app.settings.templates)
    tools = compose.tools(app)
    done = []
    for designed in clusters_to_verify(subject, tools.book()):
        folder = compose.phase_folder(app, "d", stamp)
        done.append(verify(tools, designed, folder, templates))
        _say(app, done[-1])
    app.emit(done[0] if len(done) == 1 else {"verifications": done})
    return ExitCode.OK if all(each["resolved"] for each in done) else ExitCode.FAILURES


def _say(app: App, values: dict[str, Any]) -> None:
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

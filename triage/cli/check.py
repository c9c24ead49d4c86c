"""`triage check`: recompute every number that a document states."""

from __future__ import annotations

from pathlib import Path

import click

from triage.cli.context import App, app_command, examples
from triage.errors import ExitCode


@app_command(
    epilog=examples(
        "triage check",
        "triage check plans/fix_plan.md",
        "triage check reports/gradient-flow/phase_c/20261123T061000Z --json",
    )
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
def command(app: App, paths: tuple[Path, ...]) -> ExitCode:
    """Recompute every claim, sum, manifest and id from the evidence (default: the whole project).

    Exit code 1 where anything does not hold; each problem is one line with file and line.
    """
    from triage.phase.checking import check_paths, check_project
    from triage.phase.templates import project_templates

    templates = project_templates(app.root, app.settings.templates)
    checked = check_paths(app.root, paths, templates) if paths else check_project(app.root, templates)
    counts = {name: getattr(checked, name) for name in ("folders", "files", "documents", "claims", "regions")}
    app.emit(
        {
            "ok": not checked.problems,
            "checked": counts,
            "problems": [problem.model_dump() for problem in checked.problems],
            "notes": checked.notes,
        }
    )
    for problem in checked.problems:
        place = f"{problem.path}:{problem.line}" if problem.line else problem.path
        app.say(f"{place}: {problem.what}")
    for note in checked.notes:
        app.note(f"note: {note}")
    seen = ", ".join(f"{number} {name}" for name, number in counts.items())
    app.say(f"{'does not hold' if checked.problems else 'holds'}: {len(checked.problems)} problems in {seen}")
    return ExitCode.FAILURES if checked.problems else ExitCode.OK

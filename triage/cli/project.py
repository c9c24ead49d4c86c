"""`triage config` and `triage doctor`: look how a project is set up, and whether it is in order."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from triage.cli import wiring
from triage.cli.context import App, app_command, examples, plain
from triage.cli.json_documents.project import ConfigDocument, DoctorDocument, SettingRow
from triage.config import Settings
from triage.errors import ExitCode


def setting_descriptions() -> dict[str, str]:
    """The sentence that stands under each field of the settings."""
    from triage.cli.json_documents.schema import field_sentences

    return field_sentences(Settings)


@app_command(epilog=examples("triage config", "TRIAGE_WORKERS=4 triage config --json"))
def config_command(app: App) -> None:
    """Print each setting with its value and where it comes from.

    Set them in [tool.triage] of pyproject.toml (`test-timeout = 60`), in the environment
    (`TRIAGE_TEST_TIMEOUT=60`) or, where a command has it, by a flag. The later one wins.
    """
    values = plain(app.settings)
    origins = app.loaded.origins
    rows = tuple(SettingRow(name=name, value=value, origin=origins[name]) for name, value in values.items())
    app.emit(ConfigDocument(root=str(app.root), output=str(app.output), settings=rows))
    descriptions = setting_descriptions()
    app.say(f"root: {app.root}")
    app.say(f"output: {app.output}")
    for name, value in values.items():
        app.say(f"{name} = {value!r}  ({origins[name]})")
        app.say(f"    {descriptions[name]}")


@app_command(epilog=examples("triage doctor", "triage doctor --mend"))
@click.option(
    "--mend",
    is_flag=True,
    help="Renumber what two branches allotted, render the ledgers, remove what killed commands left.",
)
def doctor_command(app: App, mend: bool) -> ExitCode:
    """Say what is wrong with this machine, these settings and these ledgers; exit 1 where anything is."""
    from triage.campaign.doctor import examine

    if mend:
        _mend(app)

    def open_store() -> None:
        wiring.store(app.settings, app.output).close()

    scratch, now = Path(tempfile.gettempdir()), app.world.now().timestamp()
    findings = list(examine(app.root, app.output, app.settings, open_store, scratch=scratch, now=now))
    app.emit(DoctorDocument(root=str(app.root), findings=tuple(findings)))
    for finding in findings:
        hint = f"; what to do: {finding.mend}" if finding.mend else ""
        app.say(f"{finding.level:<8} {finding.what}{hint}")
    return ExitCode.FAILURES if any(finding.level == "error" for finding in findings) else ExitCode.OK


def _mend(app: App) -> None:
    from triage.cli.decide import decide

    _, events = decide(app, lambda _registry, _factory: ())  # what was appended is what mended
    for event in events:
        app.note(f"{event.event.replace('_', ' ')}: {getattr(event, 'cluster', '')}")

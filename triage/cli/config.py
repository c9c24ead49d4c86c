"""`triage config`: each setting with its value and its origin."""

from __future__ import annotations

from triage.cli.context import App, app_command, examples, plain
from triage.config.settings import Settings


def documented() -> dict[str, str]:
    """The sentence that stands under each field of the settings."""
    fields = Settings.model_fields.items()
    return {name: " ".join(field.description.split()) for name, field in fields if field.description}


@app_command(epilog=examples("triage config", "TRIAGE_WORKERS=4 triage config --json"))
def command(app: App) -> None:
    """Print each setting with its value and where it comes from.

    Set them in [tool.triage] of pyproject.toml (`test-timeout = 60`), in the environment
    (`TRIAGE_TEST_TIMEOUT=60`) or, where a command has it, by a flag. The later one wins.
    """
    values = plain(app.settings)
    origins = app.loaded.origins
    app.emit(
        {
            "root": str(app.root),
            "settings": [
                {"name": name, "value": value, "origin": origins[name]} for name, value in values.items()
            ],
        }
    )
    sentences = documented()
    app.say(f"root: {app.root}")
    for name, value in values.items():
        app.say(f"{name} = {value!r}  ({origins[name]})")
        app.say(f"    {sentences[name]}")

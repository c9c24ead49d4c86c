"""`triage help SLUG`: what an error means and how to mend it."""

from __future__ import annotations

import difflib
import re
from importlib.resources import files
from pathlib import Path

import click

from triage.cli.context import App, app_command, examples
from triage.errors import UsageError
from triage.text.pattern import pattern

_SECTION = pattern(
    r"""
    ^\#\#[ ] ([a-z0-9-]+) \n+   # the slug is the heading
    (.*?)                       # its text
    (?= ^\#\#[ ] | \Z)          # up to the next heading
    """,
    matches=["## no-pytest\n\nInstall pytest.\n"],
    rejects=["# Errors\n\nText.", "## Two words\n\nText."],
    flags=re.MULTILINE | re.DOTALL,
)


def pages() -> dict[str, str]:
    """Explanation of each slug, from docs/errors.md (shipped in the wheel)."""
    shipped = files("triage") / "_docs" / "errors.md"
    path = shipped if shipped.is_file() else Path(__file__).parents[2] / "docs" / "errors.md"
    return {slug: text.strip() for slug, text in _SECTION.findall(path.read_text(encoding="utf-8"))}


@app_command(json_output=False, epilog=examples("triage help", "triage help no-pytest"))
@click.argument("slug", required=False)
def help_command(app: App, slug: str | None) -> None:
    """Explain an error by the slug that stands in brackets behind it."""
    known = pages()
    if slug is None:
        for name, text in known.items():
            first_line, _, _ = text.partition("\n")
            app.say(f"{name:<22} {first_line}")
        return
    if slug not in known:
        near = difflib.get_close_matches(slug, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "'triage help' lists them all"
        raise UsageError("unknown-slug", f"there is no error {slug!r}", hint)
    app.say(f"{slug}\n\n{known[slug]}")

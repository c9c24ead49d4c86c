"""Documents, commands and errors cannot drift apart."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path

import click
import pytest

from triage.cli.app import TABLE, group
from triage.cli.help import pages
from triage.cli.project import setting_descriptions
from triage.config import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))
ERRORS = {"TriageError", "UsageError", "VoidError", "CheckError", "_Problem"}


@cache
def slugs_in_code() -> dict[str, str]:
    """Each slug that an error of the program can have, with a place that raises it."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "triage").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found[first.value] = f"{path.relative_to(ROOT)}:{node.lineno}"
    return found


def test_every_slug_has_a_page():
    missing = {slug: place for slug, place in slugs_in_code().items() if slug not in pages()}
    assert missing == {}


def test_every_page_has_a_slug():
    assert set(pages()) - set(slugs_in_code()) == set()


@pytest.mark.parametrize("name", TABLE)
def test_every_command_is_there_with_help_and_examples(name):
    module = import_module(f"triage.cli.{TABLE[name].module}")
    command = getattr(module, f"{name}_command")
    assert isinstance(command, click.Command)
    assert command.help
    assert "Examples:" in (command.epilog or "")
    assert any("--root" in parameter.opts for parameter in command.params)


@pytest.mark.parametrize("name", TABLE)
def test_every_command_is_in_the_list(name):
    assert f"triage {name}" in (ROOT / "docs/commands.md").read_text(encoding="utf-8")


def test_the_readme_is_short_and_names_the_two_commands_of_the_checkout():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 90
    for command in ("make demo", "make test", "pip install"):
        assert any(line.strip().startswith(command) for line in lines), command


def test_the_first_run_of_the_readme_is_that_of_the_tutorial():
    """The tutorial is run by a test; what the README shows of it is word for word from there."""
    shown = (ROOT / "README.md").read_text(encoding="utf-8").split("```console\n")[1].split("```")[0]
    tutorial = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    commands = [line for line in shown.splitlines() if line.startswith("$ ")]
    assert commands
    assert [line for line in commands if line.partition("  #")[0].strip() not in tutorial] == []


_BLOCK_COMMAND = re.compile(r"^(?:    |\$ )triage (.*?)(?:\s+#.*|\s+[>|&].*|\s+--\s.*)?$", re.MULTILINE)
"""A command in a code block, without the comment, the redirection or pytest's options behind it."""
_STAND_INS = {"N": "5", "S": "5", "T": "5d", "SECONDS": "5", "DATE": "2030-01-01"}
"""Words that stand for a value of some form."""


def commands_shown(path: str) -> list[str]:
    """The commands of triage in the code blocks of a page."""
    return [found.strip() for found in _BLOCK_COMMAND.findall((ROOT / path).read_text(encoding="utf-8"))]


@pytest.mark.parametrize("path", ["README.md", *DOCS])
def test_the_commands_of_a_page_are_ones_that_triage_takes(path):
    refused = []
    for command in commands_shown(path):
        words = [_STAND_INS.get(word, word) for word in shlex.split(command)]
        try:
            if words and words[0] == "--root":
                del words[:2]
            name, found, arguments = group.resolve_command(click.Context(group), words)
            found.make_context(name, arguments)
        except click.exceptions.Exit:
            pass  # --help has been printed
        except click.ClickException as error:
            refused.append((command, error.format_message()))
    assert refused == []


def test_the_pages_show_commands():
    assert sum(len(commands_shown(path)) for path in ["README.md", *DOCS]) > 50


def test_every_setting_is_documented():
    assert set(setting_descriptions()) == set(Settings.model_fields)


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from triage.cli.app import run; run(['--help']);"
        "heavy = {'pydantic', 'jinja2', 'git', 'rich', 'sqlite3', 'torch', 'pytest'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stdout.endswith("[]\n"), run.stdout[-200:] + run.stderr


@pytest.mark.parametrize(
    "path", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "tests/README.md", *DOCS]
)
def test_links_lead_somewhere(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    targets = [t.partition("#")[0] for t in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in t]
    assert [t for t in targets if t and not ((ROOT / path).parent / t).exists()] == []


def test_every_room_is_in_the_architecture():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = [path.name for path in (ROOT / "triage").iterdir() if (path / "__init__.py").exists()]
    assert [room for room in rooms if room != "testing" and room not in text] == []

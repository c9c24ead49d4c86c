"""Run the formatters that a project is written with (ruff, black, isort) on one file's text.

A text goes in by standard input and comes back by standard output: no formatter writes into the tree, and
none keeps a cache there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.text.pattern import pattern

_SECONDS = 20
"""For one file: black takes half a second to start on a busy machine."""
_PRE_COMMIT = ".pre-commit-config.yaml"
_HOOK_ARGUMENTS = pattern(
    r"""
    ^ \s* (?:-[ ]+)? id:[ ]* (?P<hook> [\w-]+ ) [ ]* (?:\#.*)? \n    # one hook of the list
    (?: (?! \s* -[ ]+ (?:id|repo): ) .* \n )*?                       # other settings of this very hook
    \s* args:[ ]* \[ (?P<arguments> [^\]]* ) \]                      # its arguments, as a list on one line
    """,
    matches=["  - id: black\n    language: python\n    args: [-l, '79']\n"],
    rejects=["  - id: black\n  - id: isort\n    args: [-l79]\n"],
    how="match",
)
_HOOK = pattern(
    r"^ \s* (?:-[ ]+)? id:[ ]* (?P<hook> [\w-]+ )",
    matches=["      - id: black", "- id: ruff-format  # why"],
    rejects=["# - id: black", "  repo: https://example.org/black"],
    how="match",
)


@dataclass(frozen=True)
class Formatter:
    """One program that takes a file's text and gives it back in the project's style."""

    command: tuple[str, ...]
    root: Path
    """Where it looks for the project's settings."""

    def apply(self, path: str, text: str) -> str | None:
        """The text as it writes it; None where it cannot read the text, or takes too long.

        `path` is the file's, relative to the root: settings differ by folder.
        """
        words = [word.replace("{path}", path) for word in self.command]
        try:
            done = subprocess.run(
                words, input=text.encode(), capture_output=True, cwd=self.root, timeout=_SECONDS, check=False
            )
            return done.stdout.decode() if done.returncode == 0 else None
        except (OSError, subprocess.SubprocessError, UnicodeError):
            return None


def formatters_of(root: Path, top: Path, python: str | None) -> tuple[Formatter, ...]:
    """The formatters that the project configures and this machine has, in the order in which they are run.

    Settings are looked for from the suite's root up to `top`, where its repository begins; programs beside
    the suite's interpreter, then on PATH.
    """
    folders = [root, *(folder for folder in root.parents if folder.is_relative_to(top))]
    configured = {name: found for folder in reversed(folders) for name, found in _configured(folder)}
    made = []
    for name, command in _commands(configured):
        program = _program(name, python)
        if program is not None:
            made.append(Formatter((program, *command), root))
    return tuple(made)


def _commands(configured: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Program and arguments; imports are sorted before lines are laid out, as both tools ask for."""
    if "isort" in configured:
        yield "isort", ("--quiet", *configured["isort"], "--filename", "{path}", "-")
    if "ruff" in configured:
        where = ("--quiet", "--no-cache", "--stdin-filename", "{path}", "-")
        yield "ruff", ("check", "--select", "I", "--fix-only", *where)
        yield "ruff", ("format", *configured["ruff"], *where)
    if "black" in configured:
        yield "black", ("--quiet", *configured["black"], "--stdin-filename", "{path}", "-")


def _configured(folder: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Formatters that the files of one folder configure, with arguments that they are run with."""
    tools = _tables(folder / "pyproject.toml")
    for name in ("ruff", "black", "isort"):
        if name in tools:
            yield name, ()
    if (folder / "ruff.toml").is_file() or (folder / ".ruff.toml").is_file():
        yield "ruff", ()
    if (folder / ".isort.cfg").is_file() or "[isort]" in _text(folder / "setup.cfg"):
        yield "isort", ()
    yield from _hooks(_text(folder / _PRE_COMMIT))


def _hooks(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The same of pre-commit's hooks."""
    names = {"ruff-format": "ruff", "black": "black", "black-jupyter": "black", "isort": "isort"}
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        hook = _HOOK.match(line)
        if hook is None or hook["hook"] not in names:
            continue
        given = _HOOK_ARGUMENTS.match("".join(lines[number:]))
        words = given["arguments"].split(",") if given is not None else []
        arguments = tuple(word.strip().strip("\"'") for word in words)
        # without a dash in front a word could only name a file
        is_plain = all(arguments) and not (arguments and not arguments[0].startswith("-"))
        yield names[hook["hook"]], arguments if is_plain else ()


def _tables(path: Path) -> Mapping[str, Any]:
    try:
        tools = tomllib.loads(_text(path)).get("tool", {})
    except tomllib.TOMLDecodeError:
        return {}
    return tools if isinstance(tools, dict) else {}


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _program(name: str, python: str | None) -> str | None:
    beside = Path(python or sys.executable).parent
    return shutil.which(name, path=os.pathsep.join([str(beside), os.environ.get("PATH", os.defpath)]))

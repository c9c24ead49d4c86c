"""The tutorial is run, command by command, and prints what its page shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.projects import Project

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`([\w./]+)`:\n\n\Z")


def files_and_commands(text):
    """What the page shows, in its order: ("file", name, text) and ("command", line, lines that it prints)."""
    for block in _BLOCK.finditer(text):
        named = _FILE.search(text[: block.start()])
        if named:
            yield "file", named[1], block[2]
        elif block[1] == "console":
            for part in re.split(r"^\$ ", block[2], flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield "command", command, output


def normal(text):
    """STAMPs and durations are of the day."""
    text = re.sub(r"\d{8}T\d{6}Z", "STAMP", text)
    return re.sub(r"\b\d+\.\d+ s\b", "N s", text)


def pattern_of(shown):
    """A line `...` stands for any lines, and ` ...` within a line for the rest of it or a part."""
    parts = []
    for line in shown.splitlines():
        if line == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(re.escape(line).replace(r"\.\.\.", ".*") + r"\n")
    return "".join(parts)


def agrees(shown, printed):
    return re.fullmatch(pattern_of(shown), normal(printed)) is not None


def test_what_the_comparison_lets_pass():
    assert agrees("a\n...\nd ...\n", "a\nb\nc\nd 1 s\n")
    assert agrees("N s STAMP\n", "1.5 s 20260101T000000Z\n")
    assert not agrees("a\n", "a\nb\n")
    assert not agrees("a ... c\n", "a b\n")


def printed_by(project, command, variables):
    """What a command prints; triage's own run in this process, where pytest is imported already."""
    words = shlex.split(command)
    if words[0] == "triage":
        done = project.triage(*words[1:], **variables)
        return done.out, done.err
    shell = subprocess.run(
        ["bash", "-c", command], cwd=project.root, env={**os.environ, **variables},
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    return shell.stdout, shell.stderr


@pytest.mark.slow
def test_the_tutorial(tmp_path):
    variables = {
        f"GIT_{who}_{what}": "reader" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    wrong = []
    for kind, name, text in files_and_commands(PAGE.read_text(encoding="utf-8")):
        if kind == "file":
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
            continue
        out, said = printed_by(Project(tmp_path), name, variables)
        if not agrees(text, out):
            wrong.append(f"$ {name}\n--- shown\n{text}--- printed\n{normal(out)}{said[-1500:]}")
            break
    assert not wrong, wrong[0]

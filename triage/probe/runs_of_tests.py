"""Decide whether a line of settings holds for runs of the tests, or only for something else beside them.

A variable of a job that lints, or of one environment among others that run the same tests without it, is an
option: it does not say that the value has to be so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from triage.text.pattern import pattern

_PIPELINES = pattern(
    r"""
    (?: ^ | / )
    (?: \.github/workflows/ | \.gitlab-ci | azure-pipelines | \.circleci/ | bitbucket-pipelines )
    """,
    matches=[".github/workflows/ci.yml", ".gitlab-ci.yml", "azure-pipelines.yml"],
    rejects=["docker-compose.yml", "docs/workflows.md"],
)
_RUNS_TESTS = pattern(
    r"\b (?: py\.?test | tox | nox | unittest | triage | (?: make | just | run ) [ ] [\w-]* tests? ) \b",
    matches=["- run: python -m pytest", "run: make test", "tox -e py311"],
    rejects=["- run: ruff check", "runs-on: ubuntu-latest"],
    flags=re.IGNORECASE,
)
_COMMAND = re.compile(r"\b(?:run|script|command|bash|powershell):")
_TOX_COMMANDS = re.compile(r"^commands\s*=.*(?:\n[ \t]+.*)*", re.MULTILINE)
_SECTION = re.compile(r"\[([^\]]+)\]\s*$")


def holds_for_tests(path: str, text: str, number: int, name: str) -> bool:
    """Whether line `number` of a settings file sets variable `name` for every run of the tests that it has.

    True for files that are neither pipelines nor tox's, and for jobs without commands: what they are for is
    not known.
    """
    lines = text.splitlines()
    if _PIPELINES.search(path):
        scope = _scope(lines, number - 1)
        runs_tests = any(_RUNS_TESTS.search(line) for line in scope)
        return runs_tests or not any(_COMMAND.search(line) for line in scope)
    if path.rpartition("/")[2] == "tox.ini":
        return not _is_one_of_several(lines, number - 1, name)
    return True


def _scope(lines: Sequence[str], index: int) -> Sequence[str]:
    """The block of a YAML file that a variable in this line is set for: a step, a job, or all of it."""
    key = _parent(lines, index)
    owner = _parent(lines, key) if key is not None else None
    if owner is None:
        return lines
    depth = _depth(lines[owner])
    end = owner + 1
    while end < len(lines) and (not lines[end].strip() or _depth(lines[end]) > depth):
        end += 1
    return lines[owner:end]


def _parent(lines: Sequence[str], index: int) -> int | None:
    """The nearest line above that is indented less; None at the top."""
    depth = _depth(lines[index])
    above = range(index - 1, -1, -1)
    return next((number for number in above if lines[number].strip() and _depth(lines[number]) < depth), None)


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _is_one_of_several(lines: Sequence[str], index: int, name: str) -> bool:
    """Whether tox has an environment that runs tests without the variable, beside the one of this line."""
    if not _section_at(lines, index).startswith("testenv:"):
        return False
    base = [line for number, line in enumerate(lines) if _section_at(lines, number) == "testenv"]
    commands = _TOX_COMMANDS.search("\n".join(base))
    runs_tests = commands is not None and _RUNS_TESTS.search(commands[0]) is not None
    return runs_tests and not any(name in line for line in base)


def _section_at(lines: Sequence[str], index: int) -> str:
    """The section that a line of an INI file stands in, or opens."""
    for number in range(index, -1, -1):
        header = _SECTION.match(lines[number])
        if header is not None:
            return header[1].strip()
    return ""

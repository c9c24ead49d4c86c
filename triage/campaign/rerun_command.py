"""Write the pytest command that runs the failing tests of a cluster again, ready to be pasted."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.model.failure import present_name
from triage.model.nodeid import without_parameters
from triage.model.run import AS_PYTEST
from triage.text.mark import MARK_PATTERN

_MOST_TARGETS = 3
"""Tests in a command that is shown: it still fits on a screen; `triage run --failed` runs them all."""


@dataclass(frozen=True)
class RerunConditions:
    """What a run gave to pytest, and a plain call of pytest would lack."""

    env: Mapping[str, str]
    pytest_args: tuple[str, ...]
    program: tuple[str, ...] = ("python", "-m", "pytest")
    """`pytest` alone where the run went without the root on the import path."""


def conditions_of_rerun(folder: Path) -> RerunConditions:
    """Read them from a run's folder; what was redacted, or an imported run does not tell, is left out."""
    canonical = _read(folder / "env.json").get("canonical")
    args = _read(folder / "preflight.json").get("pytest_args")
    variables = canonical if isinstance(canonical, dict) else {}
    env = {}
    for name, value in variables.items():
        if name not in AS_PYTEST and not _is_redacted(value):
            env[name] = str(value)
    words = args if isinstance(args, list) else []
    pytest_args = tuple(str(word) for word in words if not _is_redacted(word))
    goes_as_pytest = AS_PYTEST.items() <= variables.items()
    if goes_as_pytest:
        return RerunConditions(env, pytest_args, program=("pytest",))
    return RerunConditions(env, pytest_args)


@dataclass(frozen=True)
class RerunCommand:
    """The command, and how many targets of the cluster it leaves out."""

    text: str
    left_out: int


def rerun_command(
    nodeids: Sequence[str], conditions: RerunConditions, most: int = _MOST_TARGETS
) -> RerunCommand:
    """One shell command; several parameters of one test are one target, the test without parameters."""
    targets = _targets(nodeids)
    shown = targets[:most]
    words: list[str] = []
    if conditions.env:
        words.append("env")
        words += [f"{name}={shlex.quote(value)}" for name, value in conditions.env.items()]
    words += conditions.program
    words += [shlex.quote(word) for word in (*conditions.pytest_args, *shown)]
    return RerunCommand(" ".join(words), len(targets) - len(shown))


def _targets(nodeids: Sequence[str]) -> list[str]:
    """Each test once; one that failed with several parameters without them, which runs it with all."""
    names = dict.fromkeys(present_name(nodeid) for nodeid in nodeids)
    times = Counter(without_parameters(name) for name in names)
    targets: dict[str, None] = {}
    for name in names:
        test = without_parameters(name)
        targets[name if times[test] == 1 else test] = None
    return list(targets)


def _is_redacted(value: object) -> bool:
    return MARK_PATTERN.search(str(value)) is not None


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}

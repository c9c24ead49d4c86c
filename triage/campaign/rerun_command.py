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
    words = args if isinstance(args, list) else []
    usual = RerunConditions({}, ())
    goes_as_pytest = AS_PYTEST.items() <= variables.items()
    return RerunConditions(
        env={
            name: str(value)
            for name, value in variables.items()
            if name not in AS_PYTEST and not _is_redacted(value)
        },
        pytest_args=tuple(str(word) for word in words if not _is_redacted(word)),
        program=("pytest",) if goes_as_pytest else usual.program,
    )


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
    variables = [f"{name}={shlex.quote(value)}" for name, value in conditions.env.items()]
    words = [*(["env", *variables] if variables else []), *conditions.program]
    words += [shlex.quote(word) for word in (*conditions.pytest_args, *shown)]
    return RerunCommand(" ".join(words), len(targets) - len(shown))


def _targets(nodeids: Sequence[str]) -> list[str]:
    names = list(dict.fromkeys(present_name(nodeid) for nodeid in nodeids))
    stems = Counter(without_parameters(name) for name in names)
    targets = [name if stems[without_parameters(name)] == 1 else without_parameters(name) for name in names]
    return list(dict.fromkeys(targets))


def _is_redacted(value: object) -> bool:
    return MARK_PATTERN.search(str(value)) is not None


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}

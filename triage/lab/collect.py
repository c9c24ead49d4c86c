"""Collect the tests of the suite in a scratch copy, never in the user's tree."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triage.errors import VoidError
from triage.instruments.registry import plugin_of
from triage.lab.environment import Environment
from triage.model.run import Limits, Selection
from triage.run.selection import run_selection

_COLLECTING_SECONDS = 120.0
"""Time in which collection must say something."""
_REASON_LENGTH = 200
"""Characters of a reason in a sentence."""


@dataclass(frozen=True)
class Collected:
    """Node ids in the order of the suite, and the files that do not collect, with the reason."""

    tests: tuple[str, ...]
    broken: dict[str, str]


def collect(
    tree: Path, folder: Path, *, selectors: Sequence[str], environment: Environment, limits: Limits
) -> Collected:
    """Collect everything that the selectors name. Raises `VoidError` where nothing can be collected.

    `tree` is the copy to collect in; what pytest says goes to `folder`.
    """
    selection = Selection(
        root=str(tree),
        nodeids=tuple(selectors),
        env={**dict.fromkeys(environment.unset), **environment.variables},
        pytest_args=environment.pytest_args,
        plugins=(plugin_of("listing"),),
        limits=limits_for_collection(limits),
    )
    result = run_selection(
        selection,
        env={},
        python=environment.python,
        folder=folder,
        executor=environment.executor,
        world=environment.world,
    )
    tests = _listed(folder / "instruments" / "listing.jsonl")
    broken = {}
    for error in result.collect_errors:
        message = error.failures[0].message if error.failures else ""
        broken[error.nodeid] = _last_line(message)
    if not tests and not broken:
        raise VoidError(
            "no-tests", f"no test was collected; {_what_pytest_says(folder)}", "try `pytest --collect-only`"
        )
    return Collected(tests, broken)


def limits_for_collection(limits: Limits) -> Limits:
    """A limit for tests is none for imports: a suite with a limit of two seconds may import for three."""
    if limits.test_timeout is None:
        return limits
    return limits.model_copy(update={"test_timeout": max(limits.test_timeout, _COLLECTING_SECONDS)})


def _listed(path: Path) -> tuple[str, ...]:
    """Node ids as the instrument in the collecting process wrote them, on one line."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return tuple(json.loads(lines[0])["ids"]) if lines else ()


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:_REASON_LENGTH] if lines else "no reason given"


def _what_pytest_says(folder: Path) -> str:
    log = folder / "pytest.log"
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return f"pytest says: {_last_line(text)}"

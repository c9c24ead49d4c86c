"""Which tests the suite has: collected in a scratch copy, never in the user's tree."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from triage.errors import VoidError
from triage.instruments.registry import plugin_of
from triage.model.base import World
from triage.model.run import Limits, Selection
from triage.process.api import Executor
from triage.run.selection import run_selection

_COLLECTING = 120.0
"""Seconds in which collection must say something."""


@dataclass(frozen=True)
class Collected:
    """Node ids in the order of the suite, and the files that do not collect, with the reason."""

    tests: tuple[str, ...]
    broken: dict[str, str]


def collect(
    tree: Path,
    folder: Path,
    *,
    selectors: tuple[str, ...],
    env: dict[str, str | None],
    pytest_args: tuple[str, ...],
    python: str | None,
    limits: Limits,
    executor: Executor,
    world: World,
) -> Collected:
    """Collect everything that the selectors name. Raises `VoidError` where nothing can be collected."""
    selection = Selection(
        root=str(tree),
        nodeids=selectors,
        env=env,
        pytest_args=pytest_args,
        plugins=(plugin_of("listing"),),
        limits=_patient(limits),
    )
    result = run_selection(selection, env={}, python=python, folder=folder, executor=executor, world=world)
    written = folder / "instruments" / "listing.jsonl"
    lines = written.read_text(encoding="utf-8").splitlines() if written.exists() else []
    tests = tuple(json.loads(lines[0])["ids"]) if lines else ()
    broken = {
        error.nodeid: _reason(error.failures[0].message if error.failures else "")
        for error in result.collect_errors
    }
    if not tests and not broken:
        raise VoidError(
            "no-tests", f"no test was collected; {_last_words(folder)}", "try `pytest --collect-only`"
        )
    return Collected(tests, broken)


def _patient(limits: Limits) -> Limits:
    """A limit for tests is none for imports: a suite with a limit of two seconds may import for three."""
    if limits.test_timeout is None:
        return limits
    return limits.model_copy(update={"test_timeout": max(limits.test_timeout, _COLLECTING)})


def _reason(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no reason given"


def _last_words(folder: Path) -> str:
    log = folder / "pytest.log"
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return f"pytest says: {_reason(text)}"


def python_path(root: Path, python: str | None) -> tuple[str, ...]:
    """Folders below the root that the interpreter imports from, relative to it.

    Found in its `.pth` files and editable finders; empty where the suite is not installed so.
    """
    found = set()
    for folder in _site_packages(python):
        for path in (*folder.glob("*.pth"), *folder.glob("__editable__*.py")):
            try:
                text = path.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            found |= {part for part in _candidates(root) if _names(text, root / part)}
    return tuple(sorted(found))


def _site_packages(python: str | None) -> list[Path]:
    if python is None:
        return [Path(entry) for entry in sys.path if entry.endswith("site-packages")]
    return list((Path(python).parent.parent / "lib").glob("python*/site-packages"))


def _candidates(root: Path) -> list[str]:
    """The root and the folders directly below it: where packages of a project lie."""
    below = [path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return [".", *below]


def _names(text: str, folder: Path) -> bool:
    """Whether a line is this folder, or a finder maps a package to something directly in it."""
    if str(folder) in (line.strip() for line in text.splitlines()):
        return True
    return (
        any(f"'{path}'" in text for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else False
    )

"""Small pytest projects, each with a planted fault or with none but its code (a decoy)."""

from __future__ import annotations

import importlib
import subprocess
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MODULES = (
    "order", "world", "more", "numeric", "stuck", "places", "graph", "decoys",
    "wild_order", "wild_world", "wild_limits", "wild_numeric", "wild_decoys", "conditions",
    "uncovered",
)  # fmt: skip
"""Modules of this package that hold plants."""
_IDENTITY = ("-c", "user.email=zoo@example.org", "-c", "user.name=Zoo", "-c", "commit.gpgsign=false")


@dataclass(frozen=True)
class Plant:
    """One project, its failing test, and what a probe should say of it."""

    name: str
    subject: str
    """Node id of the test to probe."""
    files: dict[str, str]
    kinds: tuple[str, ...]
    """Kinds of cause that are right; the first is the one meant."""
    culprit: str | None = None
    """A part of the text of one of the culprits."""
    decoy: bool = False
    """Nothing but its code makes it fail: whatever is said, it must not be `proven`."""
    env: dict[str, str] = field(default_factory=dict)
    """The canonical environment of its settings."""
    history: tuple[dict[str, str], ...] = ()
    """Earlier states, oldest first; `files` is the last commit."""
    branches: dict[str, dict[str, str]] = field(default_factory=dict)
    """Files that only another branch has."""
    settings: str = ""
    """Further lines of [tool.triage]."""
    uncommitted: dict[str, str] = field(default_factory=dict)
    torch: bool = False


def all_plants() -> list[Plant]:
    """Every plant of every module."""
    return [p for module in MODULES for p in importlib.import_module(f"{__package__}.{module}").PLANTS]


def plant(
    name: str,
    subject: str,
    *kinds: str,
    files: dict[str, str],
    history: Sequence[dict[str, str]] = (),
    **more: Any,
) -> Plant:
    """A plant whose texts may be indented as the code around them."""
    past = tuple(_tidy(state) for state in history)
    return Plant(name=name, subject=subject, files=_tidy(files), kinds=kinds, history=past, **more)


def _tidy(files: dict[str, str]) -> dict[str, str]:
    return {path: textwrap.dedent(text).lstrip("\n") for path, text in files.items()}


def grow(one: Plant, root: Path) -> None:
    """Write the project, with its history where it has one."""
    root.mkdir(parents=True, exist_ok=True)
    _git(root, "init", "-q", "-b", "main")
    for number, state in enumerate((*one.history, one.files)):
        for path in _tracked(root):
            path.unlink()
        _write(root, {"pyproject.toml": _settings(one), **state})
        _git(root, "add", "-A")
        _git(root, "commit", "-q", "--allow-empty", "-m", f"State {number}")
    for name, texts in one.branches.items():
        _git(root, "checkout", "-q", "-b", name)
        _write(root, texts)
        _git(root, "add", "-A")
        _git(root, "commit", "-q", "-m", f"On {name}")
        _git(root, "checkout", "-q", "main")
    _write(root, one.uncommitted)


def _settings(one: Plant) -> str:
    env = "".join(f'{name} = "{value}"\n' for name, value in one.env.items())
    return (
        '[tool.pytest.ini_options]\ntestpaths = ["tests"]\npythonpath = ["."]\n\n'
        f"[tool.triage]\n{one.settings}\n[tool.triage.env]\n{env}"
    )


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")


def _tracked(root: Path) -> Iterable[Path]:
    return [path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts]


def _git(root: Path, *words: str) -> None:
    subprocess.run(["git", *_IDENTITY, *words], cwd=root, check=True, capture_output=True)

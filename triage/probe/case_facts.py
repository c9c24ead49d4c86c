"""What probes may know besides the failure: the history, the latest runs, the time, the files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from triage.model.base import World
from triage.model.outcome import Outcome
from triage.model.run import Limits, RunRecord
from triage.probe.probes.commit import Commit
from triage.process.git import Repository
from triage.process.git_history import LogEntry, first_parents, is_shallow, kept_texts, merged_by, renames_of

_SKIPPED = frozenset(
    {"__pycache__", ".git", ".venv", "venv", ".tox", ".nox", ".triage", "node_modules", "reports"}
)
_MOST_FILES = 20_000
_MOST_BYTES = 4 * 1024 * 1024


def files_of(root: Path) -> tuple[str, ...]:
    """Every file of the suite, relative and posix, caches and environments apart."""
    found: list[str] = []
    todo = [root]
    while todo and len(found) < _MOST_FILES:
        folder = todo.pop()
        try:
            entries = sorted(folder.iterdir())
        except OSError:
            continue
        for path in entries:
            if path.is_dir() and not path.is_symlink():
                if path.name not in _SKIPPED and not (path / "pyvenv.cfg").exists():
                    todo.append(path)
            elif path.is_file():
                found.append(path.relative_to(root).as_posix())
    return tuple(sorted(found))


def facts_of(
    root: Path,
    nodeid: str,
    *,
    world: World,
    limits: Limits,
    record: RunRecord | None,
    last_folder: Path | None,
) -> dict[str, Any]:
    """One dictionary for the case."""
    facts: dict[str, Any] = {"now": world.now().timestamp(), "test_timeout": limits.test_timeout}
    facts["bytes"] = _Bytes(root)
    facts["packages"] = {d.name: d.version for d in distributions()}
    facts |= _from_runs(nodeid, record, last_folder)
    repository = Repository.find(root)
    if repository is not None and repository.head() is not None:
        entries = first_parents(repository)
        facts["commits"] = tuple(_commit(entry) for entry in entries)
        facts["merged"] = _Merged(repository)
        facts["renames"] = renames_of(repository, nodeid.partition("::")[0])
        facts["shallow"] = is_shallow(repository)
        facts["dirty"] = tuple(
            path for path in repository.changes() if not path.startswith(("reports/", ".triage/"))
        )
        facts["kept_in_git"] = _Kept(repository)
    return facts


def _commit(entry: LogEntry) -> Commit:
    return Commit(id=entry.id, date=entry.date, author=entry.author, subject=entry.subject, paths=entry.paths)


class _Merged(Mapping[str, tuple[Commit, ...]]):
    """What a merge brought in, newest first, and where it branched off, looked up when it is asked for."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def __getitem__(self, commit: str) -> tuple[Commit, ...]:
        side = tuple(_commit(entry) for entry in merged_by(self._repository, commit))
        if not side:
            raise KeyError(commit)
        return side

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0


class _Kept(Mapping[str, tuple[tuple[str, str], ...]]):
    """Texts that git has of files that are not there, looked up when they are asked for."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._known: dict[str, tuple[tuple[str, str], ...]] = {}

    def __getitem__(self, path: str) -> tuple[tuple[str, str], ...]:
        if path not in self._known:
            self._known[path] = kept_texts(self._repository, path)
        if not self._known[path]:
            raise KeyError(path)
        return self._known[path]

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0


class _Bytes(Mapping[str, bytes]):
    """Files of the suite as they are, up to a size, read when they are asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def __getitem__(self, path: str) -> bytes:
        target = (self._root / path).resolve()
        if not target.is_relative_to(self._root) or not target.is_file():
            raise KeyError(path)
        with target.open("rb") as stream:
            return stream.read(_MOST_BYTES)

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 1


def _from_runs(nodeid: str, record: RunRecord | None, last_folder: Path | None) -> dict[str, Any]:
    """How the subject fared in the latest run; and what an earlier run, where it passed, had otherwise."""
    if record is None:
        return {}
    outcome = next((result.outcome for result in record.results if result.nodeid == nodeid), None)
    found: dict[str, Any] = {"in_suite": outcome.value} if outcome is not None else {}
    here = _packages(last_folder) if last_folder is not None and outcome is not None else {}
    if here:
        found["packages"] = here
    passing = _last_passing(nodeid, last_folder)
    if passing is not None:
        environment = _read(passing / "env.json")
        preflight = _read(passing / "preflight.json")
        commit = (
            (preflight.get("git") or {}).get("commit") if isinstance(preflight.get("git"), dict) else None
        )
        found |= {"packages_when_passing": _packages(passing)}
        if isinstance(environment.get("canonical"), dict):
            found["environment_when_passing"] = environment["canonical"]
        if commit:
            found["good_commit"] = commit
    return found


def _packages(folder: Path) -> dict[str, str]:
    """Packages of a run, by its own word: its interpreter may be another than this one."""
    for name in ("preflight.json", "env.json"):
        packages = _read(folder / name).get("packages")
        if isinstance(packages, dict) and packages:
            return packages
    return {}


def _last_passing(nodeid: str, latest: Path | None) -> Path | None:
    if latest is None:
        return None
    for folder in sorted(latest.parent.iterdir(), reverse=True):
        results = _read(folder / "results.json").get("results", [])
        if any(r.get("nodeid") == nodeid and r.get("outcome") == Outcome.PASSED.value for r in results):
            return folder
    return None


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}

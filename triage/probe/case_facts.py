"""Collect what probes may know besides the failure: the history, the latest runs, the time, the files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from triage.evidence.packed import read_record_bytes
from triage.model.base import World
from triage.model.nodeid import file_of
from triage.model.outcome import Outcome
from triage.model.run import Limits, RunRecord
from triage.probe.probes.commit import Commit
from triage.probe.reverts import CHANGES
from triage.process.git import Repository
from triage.process.git_changes import changes_between
from triage.process.git_history import (
    LogEntry,
    first_parents,
    is_shallow,
    merged_by,
    recoverable_texts,
    renames_of,
)
from triage.recorder.installed import installed_versions
from triage.text.hunks import ChangedText, changed_text

T = TypeVar("T")
_SKIPPED = frozenset(
    {"__pycache__", ".git", ".venv", "venv", ".tox", ".nox", ".triage", "node_modules", "reports"}
)
_MOST_FILES = 20_000
_MOST_BYTES = 4 * 1024 * 1024


def files_of(root: Path) -> tuple[str, ...]:
    """Every file of the suite, relative and posix, without caches and virtual environments."""
    found: list[str] = []
    waiting = [root]
    while waiting and len(found) < _MOST_FILES:
        folder = waiting.pop()
        try:
            entries = sorted(folder.iterdir())
        except OSError:
            continue
        for path in entries:
            if path.is_dir() and not path.is_symlink():
                if path.name not in _SKIPPED and not (path / "pyvenv.cfg").exists():
                    waiting.append(path)
            elif path.is_file():
                found.append(path.relative_to(root).as_posix())
    return tuple(sorted(found))


def source_of(root: Path) -> Callable[[str], str | None]:
    """Texts of the suite's files by path relative to the root, each read once.

    Lines end with a line feed, and a byte order mark is left out: a patch has them as the file does. The
    function gives None for what is no file below the root, or no UTF-8.
    """

    @cache
    def source(path: str) -> str | None:
        target = (root / path).resolve()
        if not path or not target.is_relative_to(root.resolve()) or not target.is_file():
            return None
        try:
            return target.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            return None

    return source


def facts_of(
    root: Path,
    nodeid: str,
    *,
    world: World,
    limits: Limits,
    record: RunRecord | None,
    last_folder: Path | None,
) -> dict[str, Any]:
    """Return the facts of a case, by the names under which probes read them."""
    facts: dict[str, Any] = {"now": world.now().timestamp(), "test_timeout": limits.test_timeout}
    facts["bytes"] = _bytes(root)
    facts["packages"] = installed_versions()
    facts |= _from_runs(nodeid, record, last_folder)
    repository = Repository.find(root)
    if repository is not None and repository.head() is not None:
        entries = first_parents(repository)
        facts["commits"] = tuple(_commit(entry) for entry in entries)
        facts["merged"] = _merged(repository)
        facts["renames"] = renames_of(repository, file_of(nodeid))
        facts["shallow"] = is_shallow(repository)
        facts["dirty"] = tuple(
            path for path in repository.changes() if not path.startswith(("reports/", ".triage/"))
        )
        facts["kept_in_git"] = _kept_in_git(repository)
        facts[CHANGES] = _changes(repository)
    return facts


def _commit(entry: LogEntry) -> Commit:
    return Commit(id=entry.id, date=entry.date, author=entry.author, subject=entry.subject, paths=entry.paths)


class _LookedUp(Mapping[str, T]):
    """A mapping whose values are looked up when they are asked for; its keys are not known before."""

    def __init__(self, look_up: Callable[[str], T | None]) -> None:
        self._look_up = cache(look_up)

    def __getitem__(self, key: str) -> T:
        value = self._look_up(key)
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True


def _merged(repository: Repository) -> Mapping[str, tuple[Commit, ...]]:
    """By the id of a merge: what it brought in, newest first, and where that branched off."""

    def look_up(commit: str) -> tuple[Commit, ...] | None:
        return tuple(_commit(entry) for entry in merged_by(repository, commit)) or None

    return _LookedUp(look_up)


def _kept_in_git(repository: Repository) -> Mapping[str, tuple[tuple[str, str], ...]]:
    """By path: origin and text of what git has of a file that is not there."""
    return _LookedUp(lambda path: recoverable_texts(repository, path) or None)


def _changes(repository: Repository) -> Mapping[str, tuple[ChangedText, ...]]:
    """By `OLD..NEW`, or `OLD..` for the files as they are: the changed texts between two states."""

    def look_up(between: str) -> tuple[ChangedText, ...] | None:
        old, _, new = between.partition("..")
        texts = []
        for path, before, after in changes_between(repository, old, new or None).files:
            try:
                texts.append(changed_text(path, _decoded(before), _decoded(after)))
            except UnicodeDecodeError:
                continue  # no text, so there are no lines to take back
        return tuple(texts) or None

    return _LookedUp(look_up)


def _decoded(content: bytes | None) -> str | None:
    """The text as `source_of` gives texts."""
    return content.decode("utf-8-sig").replace("\r\n", "\n") if content is not None else None


def _bytes(root: Path) -> Mapping[str, bytes]:
    """By path: the beginning of a file of the suite as it is."""
    folder = root.resolve()

    def look_up(path: str) -> bytes | None:
        target = (folder / path).resolve()
        if not target.is_relative_to(folder) or not target.is_file():
            return None
        with target.open("rb") as stream:
            return stream.read(_MOST_BYTES)

    return _LookedUp(look_up)


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
        found["packages_when_passing"] = _packages(passing)
        environment = _read(passing / "env.json").get("canonical")
        if isinstance(environment, dict):
            found["environment_when_passing"] = environment
        git = _read(passing / "preflight.json").get("git")
        if isinstance(git, dict) and git.get("commit"):
            found["good_commit"] = git["commit"]
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
        value = json.loads(read_record_bytes(path))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}

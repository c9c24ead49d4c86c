"""What a run depends on besides the tests: commit, disk, interpreter, environment; nothing secret."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triage.errors import TriageError
from triage.evidence.folder import REPORTS
from triage.model.run import Suite
from triage.process.git import Repository
from triage.text.pattern import pattern
from triage.text.redact import MARK, is_secret_name

_SHOWN_VARIABLES = (
    "CI", "CUDA_VISIBLE_DEVICES", "GITHUB_ACTIONS", "GITHUB_REF", "GITHUB_RUN_ID", "GITHUB_SHA",
    "GITLAB_CI", "GOMP_SPINCOUNT", "HOSTTYPE", "KMP_BLOCKTIME", "KMP_DUPLICATE_LIB_OK", "LANG", "LANGUAGE",
    "LC_ALL", "LC_CTYPE", "MKL_NUM_THREADS", "NANOBRAGG_DISABLE_COMPILE", "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS", "PYTEST_ADDOPTS",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_PLUGINS", "PYTHONDEVMODE", "PYTHONDONTWRITEBYTECODE",
    "PYTHONHASHSEED", "PYTHONOPTIMIZE", "PYTHONPATH", "PYTHONUTF8", "PYTHONWARNINGS", "TMPDIR", "TZ",
)  # fmt: skip
"""Inherited variables that are worth knowing and hold no secret; the others are only counted."""
_CACHES = frozenset({"__pycache__", ".pytest_cache", ".hypothesis"})
_MOST_FILES_LISTED = 50
"""Changed files that preflight.json names; the rest is counted."""
_MOST_FILES_IN_NOTE = 3
_MOST_FILES_HASHED = 1000
"""Of more changed files nobody asks whether two trees with them are alike."""
_LARGEST_HASHED = 1024 * 1024
"""Bytes of a changed file whose text is told apart; of a larger one its size is."""
_OF_THE_MACHINE = frozenset({
    "CI", "GITHUB_ACTIONS", "GITHUB_REF", "GITHUB_RUN_ID", "GITHUB_SHA", "GITLAB_CI", "HOSTTYPE",
    "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "TMPDIR",
})  # fmt: skip
"""Shown variables that name places and jobs of one machine: another run has others, or none."""
INHERITED_CONDITIONS = tuple(name for name in _SHOWN_VARIABLES if name not in _OF_THE_MACHINE)
"""Inherited variables that another run needs for the same conditions."""
_WAIT_POLICIES = ("OMP_WAIT_POLICY", "KMP_BLOCKTIME", "GOMP_SPINCOUNT")
"""Any of these says how OpenMP's threads wait."""


def added(suite: Suite, environ: Mapping[str, str]) -> dict[str, str]:
    """What processes get beside the canonical environment: nothing that changes a result.

    OpenMP's threads spin while they wait. In several processes at once they take the cores from each
    other, so they sleep instead, unless somebody has said how they should wait.
    """
    is_decided = any(name in environ or name in suite.env for name in _WAIT_POLICIES)
    if suite.workers == 1 or is_decided:
        return {}
    return {"OMP_WAIT_POLICY": "PASSIVE"}


def environment(suite: Suite, environ: Mapping[str, str]) -> dict[str, Any]:
    """The canonical environment, what it changes, and the harmless part of what was inherited.

    Anything not on the allow-list is left out; PATH is there only as a hash.
    """
    canonical = {name: MARK if is_secret_name(name) else value for name, value in sorted(suite.env.items())}
    inherited = {
        name: environ[name] for name in _SHOWN_VARIABLES if name in environ and name not in suite.env
    }
    path = environ.get("PATH", "").encode("utf-8", "replace")
    return {
        "canonical": canonical,
        "added": added(suite, environ),
        "differs": sorted(name for name, value in suite.env.items() if environ.get(name) != value),
        "inherited": inherited,
        "left_out": len([name for name in environ if name not in _SHOWN_VARIABLES]),
        "path_sha256": hashlib.sha256(path).hexdigest(),
    }


def machine(root: str, scratch: str) -> dict[str, Any]:
    """Disk, processor, system."""
    return {
        "system": platform.platform(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "disk_free": {"root": shutil.disk_usage(root).free, "scratch": shutil.disk_usage(scratch).free},
    }


_WRITTEN_BY_TRIAGE = pattern(
    r"""
    reports/ (?: [^/]+/phase_[a-d]/[0-9]{8}T[0-9]{6}Z/.+ | remediation_tracker\.md )
    | plans/ (?: journal\.jsonl | fix_plan\.md | (?:active|archive)/.+ )
    | \.triage/.+
    """,
    how="fullmatch",
    matches=["reports/x/phase_a/20260101T000000Z/a.json", "plans/journal.jsonl", ".triage/history.sqlite"],
    rejects=["reports/data.csv", "plans/cluster_rules.toml", "src/reports/x/phase_a/20260101T000000Z/a"],
)


@dataclass(frozen=True)
class Checkout:
    """What was checked out at one moment; None and empty where nobody can tell, and `why` says so."""

    commit: str | None = None
    changed: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Files that differ from the commit or are not in it, with size and time of change in nanoseconds."""
    unknown_to_git: frozenset[str] = frozenset()
    """Those of the changed files that git does not know."""
    digest: str | None = None
    """Of names and contents of the changed files, caches left out: two dirty trees can be told apart."""
    why: str | None = None
    """Why the state, or a part of it, is not known."""

    @property
    def dirty(self) -> bool | None:
        """Whether the tree differs from the commit; None where nobody can tell."""
        return None if self.why is not None else bool(self.changed)

    def as_json(self) -> dict[str, Any]:
        """The state as `preflight.json` holds it."""
        document: dict[str, Any] = {"commit": self.commit, "dirty": self.dirty}
        if self.why is not None:
            document["why"] = self.why
        if self.commit is not None:
            document["changed"] = list(self.changed)[:_MOST_FILES_LISTED]
            document["changed_count"] = len(self.changed)
        if self.digest is not None:
            document["changed_sha256"] = self.digest
        return document


def read_checkout(root: str, own: Path) -> Checkout:
    """Commit and changed files of the suite's repository.

    What triage writes is no change: this run in its folder `own`, earlier ones beside it, the ledgers.
    """
    try:
        repository = Repository.open(Path(root))
        if repository is None:
            return Checkout(why="not in a git repository")
        is_written_by_triage = _WrittenByTriage(own.resolve())
        states = {}
        for name, state in repository.states().items():
            if not is_written_by_triage(os.path.join(repository.top, name)):
                states[name] = state
        changed = {name: _size_and_time(Path(repository.top, name)) for name in states}
        unknown_to_git = frozenset(name for name, state in states.items() if state == "??")
        why = None
        if changed and repository.filtered_files().issuperset(changed):
            # git alone compares what the filter gives, and the filter is a program of the repository
            why = "only files under a filter differ, and filters are not started"
        digest = _digest_of(Path(repository.top), changed)
        return Checkout(repository.head(), changed, unknown_to_git, digest, why)
    except TriageError as error:
        return Checkout(why=str(error))


def subject_of(root: str, commit: str | None) -> str | None:
    """The first line of a commit's message; None where there is no commit, or git does not answer."""
    try:
        repository = Repository.open(Path(root))
        return repository.subject(commit) if repository is not None and commit is not None else None
    except TriageError:
        return None


def is_cache(name: str) -> bool:
    """Whether a path names byte code or a cache of pytest's: no part of the code under test."""
    return bool(_CACHES & set(Path(name).parts))


def _digest_of(top: Path, names: Collection[str]) -> str | None:
    """One hash over names and contents; None of too many files."""
    if len(names) > _MOST_FILES_HASHED:
        return None
    digest = hashlib.sha256()
    for name in sorted(names):
        if is_cache(name):
            continue
        path = top / name
        try:
            is_hashed = path.is_file() and path.stat().st_size <= _LARGEST_HASHED
            content = path.read_bytes() if is_hashed else repr(_size_and_time(path)[0]).encode()
        except OSError:
            content = b"unreadable"
        digest.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode("utf-8", "replace"))
    return digest.hexdigest()


def written_by_triage(path: Path, output: Path) -> bool:
    """Whether a file is what triage writes itself; `output` is the folder with `reports/` and `plans/`."""
    return _WRITTEN_BY_TRIAGE.fullmatch(os.path.relpath(path, output)) is not None


class _WrittenByTriage:
    """Whether a file is in the run's folder, or where triage keeps earlier runs, journal and ledgers.

    Asked of each file that git does not know, which may be all files of a hundred runs.
    """

    def __init__(self, own: Path) -> None:
        """`own` is the run's folder, without symbolic links."""
        self._own = os.path.join(own, "")
        output = next((folder.parent for folder in own.parents if folder.name == REPORTS), None)
        self._output = None if output is None else os.path.join(output, "")

    def __call__(self, path: str) -> bool:
        """`path` is absolute and without symbolic links above the file."""
        if path.startswith(self._own):
            return True
        if self._output is None or not path.startswith(self._output):
            return False
        return _WRITTEN_BY_TRIAGE.fullmatch(path.removeprefix(self._output)) is not None


def _size_and_time(path: Path) -> tuple[int, int]:
    try:
        status = path.lstat()
    except OSError:
        return (-1, -1)  # deleted, or not to be seen
    return (status.st_size, status.st_mtime_ns)


def moved_commit(before: Checkout, after: Checkout) -> str | None:
    """That another commit was checked out meanwhile: the results belong to neither of the two."""
    if before.commit == after.commit or None in (before.commit, after.commit):
        return None
    return (
        "the checkout changed while the tests ran: "
        f"{str(before.commit)[:10]} before, {str(after.commit)[:10]} after"
    )


def changed_files(before: Checkout, after: Checkout) -> str | None:
    """Which files changed in the checkout meanwhile: by the tests, or by somebody who works in it.

    A file that is new and that git does not know is an output of the tests, such as byte code: no test
    ran with another version of it.
    """
    if before.commit != after.commit:
        return None
    appeared = after.unknown_to_git - set(before.changed)
    byte_code = {name for name in after.unknown_to_git if "__pycache__" in Path(name).parts}
    outputs = appeared | byte_code
    names = sorted(
        name
        for name in {**before.changed, **after.changed}
        if name not in outputs and before.changed.get(name) != after.changed.get(name)
    )
    if not names:
        return None
    shown = ", ".join(names[:_MOST_FILES_IN_NOTE])
    more = len(names) - _MOST_FILES_IN_NOTE
    rest = f" and {more} more" if more > 0 else ""
    return f"the checkout changed while the tests ran: {shown}{rest}"

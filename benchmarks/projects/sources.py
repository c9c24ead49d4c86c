"""Fetch source distributions and what their suites need; make copies of them with bugs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

from benchmarks.projects.catalogue import Mutant, Project
from benchmarks.projects.operators import Source, edits_of, line_of


class Cache:
    """Downloads, and results of runs that never come out otherwise."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def from_environment(cls) -> Cache:
        """The folder that `TRIAGE_BENCH_CACHE` names.

        The variable is taken away: triage, which runs in this process too, would take it for a setting.
        """
        named = os.environ.pop("TRIAGE_BENCH_CACHE", None)
        return cls(Path(named) if named else Path.home() / ".cache" / "triage-benchmarks")

    def path(self, *parts: str) -> Path:
        """A path in the cache whose folder exists."""
        path = self.folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def fetch(project: Project, cache: Cache) -> Path:
    """The unpacked source distribution; downloaded where the cache does not have it."""
    tree = cache.path("trees", project.key)
    if tree.is_dir():
        return tree
    with tempfile.TemporaryDirectory(dir=cache.folder) as scratch:
        requirement = f"{project.name}=={project.version}"
        _pip("download", "--no-deps", "--no-binary", ":all:", "--dest", scratch, requirement)
        (archive,) = Path(scratch).iterdir()
        unpacked = Path(scratch) / "unpacked"
        with tarfile.open(archive) as members:
            members.extractall(unpacked, filter="data")
        (top,) = (path for path in unpacked.iterdir() if path.is_dir())
        top.rename(tree)
    return tree


def packages(project: Project, cache: Cache) -> Path | None:
    """A folder with what the suite needs; None where it needs nothing."""
    if not project.needs:
        return None
    target = cache.path("packages", project.key)
    if not target.is_dir():
        with tempfile.TemporaryDirectory(dir=cache.folder) as scratch:
            _pip("install", "--target", f"{scratch}/packages", *project.needs)
            Path(scratch, "packages").rename(target)
    return target


def _pip(command: str, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", command, "--quiet", "--disable-pip-version-check", *arguments],
        check=True,
    )


def import_path(project: Project, cache: Cache, copy: Path) -> str:
    """`PYTHONPATH` for a copy of the project."""
    needed = packages(project, cache)
    parts = [str(copy / project.path)]
    if needed is not None:
        parts.append(str(needed))
    return os.pathsep.join(parts)


def copy_to(project: Project, cache: Cache, copy: Path, mutants: Iterable[Mutant] = ()) -> None:
    """A copy of the project with these bugs in it."""
    shutil.copytree(fetch(project, cache), copy)
    for mutant in mutants:
        plant(mutant, copy)


def plant(mutant: Mutant, copy: Path) -> None:
    """Make the bug in a copy. Raises `LookupError` where the source is not what the bug was chosen for."""
    path = copy / mutant.file
    source = Source(path.read_text(encoding="utf-8"))
    edits = edits_of(source, mutant.function, mutant.operator)
    if mutant.seed >= len(edits):
        raise LookupError(f"{mutant.label}: there are {len(edits)} such edits")
    edit = edits[mutant.seed]
    if line_of(edit) != mutant.line:
        raise LookupError(f"{mutant.label}: line {line_of(edit)} instead of {mutant.line}")
    path.write_text(source.edited(edit), encoding="utf-8")

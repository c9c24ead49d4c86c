"""Who owns a file, by the CODEOWNERS file of its repository (GitHub's and GitLab's places)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from triage.documents.shown_cluster import Places
from triage.model.cluster import Cluster
from triage.model.nodeid import file_of

if TYPE_CHECKING:
    from codeowners import CodeOwners

PLACES = (".github/CODEOWNERS", ".gitlab/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Relative to the repository, in the order in which they are looked for."""
_MOST_BYTES = 3 * 1024 * 1024
"""GitHub ignores a larger one."""


@dataclass(frozen=True)
class FileOwners:
    """The rules of a repository, asked by files of a suite."""

    root: Path
    """The suite's."""
    repository: Path
    rules: CodeOwners

    @classmethod
    def read(cls, root: Path) -> FileOwners | None:
        """Read the rules of the repository that a suite lies in; None without any that can be read."""
        repository = _repository(root)
        file = next((repository / place for place in PLACES if (repository / place).is_file()), None)
        if file is None or file.stat().st_size > _MOST_BYTES:
            return None
        from codeowners import CodeOwners

        try:
            return cls(root, repository, CodeOwners(file.read_text("utf-8", "replace")))
        except ValueError:
            return None  # a pattern that cannot be read: GitHub skips such a file's owners too

    def of(self, path: str) -> str | None:
        """Owners of a file, by its path from the suite's root; None where it has none or lies elsewhere."""
        file = (self.root / path).resolve()
        if not file.is_relative_to(self.repository):
            return None
        owners = self.rules.of(file.relative_to(self.repository).as_posix())
        return " ".join(name for _kind, name in owners) or None


def owner_of_cluster(owners: FileOwners | None, cluster: Cluster, places: Places) -> str | None:
    """Who was named, else who owns the lines where it fails, as the HTML report has it."""
    if cluster.owner is not None or owners is None:
        return cluster.owner
    frames = (places.product, places.test)
    found = (owners.of(frame.path) for frame in frames if frame is not None)
    owner = next((each for each in found if each is not None), None)
    return f"{owner} (by CODEOWNERS)" if owner is not None else None


def owners_of(root: Path, nodeids: Iterable[str]) -> str | None:
    """Owners of the first of the tests' files that has any, as CODEOWNERS spells them; None without."""
    owners = FileOwners.read(root)
    if owners is None:
        return None
    files = (file_of(nodeid) for nodeid in nodeids)
    return next((found for found in map(owners.of, files) if found), None)


def _repository(root: Path) -> Path:
    """The folder with `.git` at or above the root (a suite may be a part of a repository); else the root."""
    root = root.resolve()
    return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)

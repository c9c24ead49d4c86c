"""Who owns a file, by the CODEOWNERS file of its repository (GitHub's and GitLab's places)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

PLACES = (".github/CODEOWNERS", ".gitlab/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Relative to the repository, in the order in which they are looked for."""
_MOST_BYTES = 3 * 1024 * 1024
"""GitHub ignores a larger one."""


def owners_of(root: Path, nodeids: Iterable[str]) -> str | None:
    """Owners of the first of the tests' files that has any, as CODEOWNERS spells them; None without."""
    repository = _repository(root)
    file = next((repository / place for place in PLACES if (repository / place).is_file()), None)
    if file is None or file.stat().st_size > _MOST_BYTES:
        return None
    from codeowners import CodeOwners

    try:
        rules = CodeOwners(file.read_text("utf-8", "replace"))
    except ValueError:
        return None  # a pattern that cannot be read: GitHub skips such a file's owners too
    for nodeid in nodeids:
        path = (root / nodeid.partition("::")[0]).resolve()
        if path.is_relative_to(repository):
            owners = rules.of(path.relative_to(repository).as_posix())
            if owners:
                return " ".join(name for _kind, name in owners)
    return None


def _repository(root: Path) -> Path:
    """The folder with `.git` at or above the root (a suite may be a part of a repository); else the root."""
    root = root.resolve()
    return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)

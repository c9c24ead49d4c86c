"""List the files that differ between two states of a repository, with both their contents."""

from __future__ import annotations

from typing import NamedTuple

from triage.process.git import Repository
from triage.process.git_base import changed_since, files_at
from triage.process.git_history import content_of, git_text

_LARGEST_FILE = 4 * 1024 * 1024
"""Bytes of a file whose content is read; a larger one is data that nobody looks at by lines."""


class ChangedContent(NamedTuple):
    """One file in both states; None where it is not there."""

    path: str
    """Relative to the suite's root."""
    before: bytes | None
    after: bytes | None


class Changes(NamedTuple):
    """The files of the suite that differ, and the paths of those that are not given."""

    files: tuple[ChangedContent, ...]
    left_out: tuple[str, ...]
    """Outside of the suite's root, larger than what is read, or no plain files."""


def changes_between(repository: Repository, old: str, new: str | None) -> Changes:
    """Compare a commit with another one, or with the working tree (None) and its new files.

    Renamed files are one file that is gone and one that is new.
    """
    below = repository.root.relative_to(repository.top).as_posix()
    prefix = "" if below == "." else f"{below}/"
    if new is None:
        names = changed_since(repository, old)
    else:
        listing = git_text(
            repository, "diff", "--no-ext-diff", "--no-renames", "--name-only", "-z", old, new, "--"
        )
        names = tuple(name for name in listing.split("\0") if name)
    old_ids = files_at(repository, old)
    new_ids = files_at(repository, new) if new is not None else {}
    files, left_out = [], []
    for name in names:
        path = name.removeprefix(prefix)
        if not name.startswith(prefix):
            left_out.append(name)
            continue
        before = content_of(repository, old_ids[path]) if path in old_ids else None
        if new is None:
            after = _content_now(repository, path)
        else:
            after = content_of(repository, new_ids[path]) if path in new_ids else None
        is_large = any(content is not None and len(content) > _LARGEST_FILE for content in (before, after))
        if is_large or before == after:
            left_out.append(path)
        else:
            files.append(ChangedContent(path, before, after))
    return Changes(tuple(files), tuple(left_out))


def _content_now(repository: Repository, path: str) -> bytes | None:
    file = repository.root / path
    try:
        return file.read_bytes() if file.is_file() else None
    except OSError:
        return None

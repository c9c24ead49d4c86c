"""Fill the submodules of a scratch copy: `git worktree` leaves their folders empty."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from triage.process.git import Repository

_GITLINK = "160000"
"""The mode of an entry of a tree that is a commit of another repository."""


class Gitlink(NamedTuple):
    """A submodule as a commit records it."""

    path: str
    """Below the top of the repository."""
    commit: str


def gitlinks(repository: Repository, commit: str) -> tuple[Gitlink, ...]:
    """List the submodules of a commit."""
    listing = repository._call("ls-tree", "-r", "-z", "--full-tree", commit)
    found = []
    for entry in listing.split("\0"):
        words, _, path = entry.partition("\t")
        mode, _, rest = words.partition(" ")
        if mode == _GITLINK:
            found.append(Gitlink(path, rest.rpartition(" ")[2]))
    return tuple(found)


def fill_submodules(repository: Repository, tree: Path, commit: str | None) -> list[str]:
    """Write the files of each submodule, and of those inside of it, into a copy of a commit.

    `commit` None is the tree as it stands. Returns what could not be written, one line each. A submodule
    that is not checked out in the user's tree is left out.
    """
    missing = []
    for link in gitlinks(repository, commit or "HEAD"):
        inner = _checked_out(repository.top / link.path)
        if inner is None:
            continue
        wanted = inner.head() if commit is None else inner.resolve(link.commit)
        if wanted is None:
            missing.append(
                f"submodule {link.path} is at {link.commit[:12]} there, which is not in this clone"
            )
            continue
        target = tree / link.path
        inner.export(wanted, target)
        if commit is None:
            inner.carry_changes(target)
        missing += fill_submodules(inner, target, None if commit is None else wanted)
    return missing


def _checked_out(folder: Path) -> Repository | None:
    """The repository of a submodule; None where the folder is empty or only a part of the outer one."""
    if not (folder / ".git").exists():
        return None
    found = Repository.find(folder)
    return found if found is not None and found.top == folder.resolve() else None

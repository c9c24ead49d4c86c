"""What a repository remembers: commits that touched a folder, and texts that were deleted."""

from __future__ import annotations

from typing import NamedTuple

from triage.errors import VoidError
from triage.executor.git import Repository


class LogEntry(NamedTuple):
    """One commit, as a list shows it."""

    id: str
    date: str
    author: str
    subject: str


def first_parents(repository: Repository, most: int = 2000) -> list[LogEntry]:
    """The branch, newest first, along first parents; empty before the first commit."""
    text = _text(
        repository,
        "log",
        "--first-parent",
        f"--max-count={most}",
        "-z",
        "--format=%H%x09%cI%x09%an%x09%s",
        "HEAD",
        "--",
    )
    entries = [line.split("\t", 3) for line in text.split("\0") if line.strip()]
    return [LogEntry(*entry) for entry in entries if len(entry) == 4]


def last_text(repository: Repository, path: str) -> str | None:
    """The last version of a file that is no longer there; `path` is relative to the suite's root."""
    below = repository.root.relative_to(repository.top) / path
    name = below.as_posix()
    commit = _text(
        repository, "log", "--max-count=1", "--diff-filter=D", "--format=%H", "HEAD", "--", name
    ).strip()
    if len(commit) != 40:
        return None
    text = _text(repository, "show", "--no-textconv", f"{commit}^:{name}", strip=False)
    return text or None


def tracked(repository: Repository, folder: str) -> frozenset[str]:
    """Files of a folder (relative to the suite's root) that git knows, relative to the suite's root."""
    below = repository.root.relative_to(repository.top)
    names = _text(repository, "ls-files", "-z", "--full-name", "--", (below / folder).as_posix()).split("\0")
    prefix = "" if below.as_posix() == "." else below.as_posix() + "/"
    return frozenset(name.removeprefix(prefix) for name in names if name)


def _text(repository: Repository, command: str, *arguments: str, strip: bool = True) -> str:
    try:
        return repository._call(command, *arguments, strip=strip)
    except VoidError:
        return ""

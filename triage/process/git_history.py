"""What a repository remembers: commits that touched a folder, and texts that were deleted."""

from __future__ import annotations

from typing import NamedTuple

from triage.errors import VoidError
from triage.process.git import Repository

_FORMAT = "--format=%x01%H%x09%cI%x09%an%x09%s"
_MOST_PATHS = 200


class LogEntry(NamedTuple):
    """One commit, as a list shows it."""

    id: str
    date: str
    author: str
    subject: str
    paths: tuple[str, ...] = ()
    """What it changed against its first parent, relative to the suite's root; the first 200."""


def first_parents(repository: Repository, most: int = 2000, of: str = "HEAD") -> list[LogEntry]:
    """The branch, newest first, along first parents; empty before the first commit."""
    return _entries(repository, f"--max-count={most}", of)


def merged_by(repository: Repository, commit: str, most: int = 2000) -> list[LogEntry]:
    """What a merge brought in beside its first parent, newest first, then where that branched off.

    Empty where the commit is no merge.
    """
    parents = _text(repository, "rev-list", "--parents", "--max-count=1", commit, "--").split()[1:]
    if len(parents) < 2:
        return []
    side = _entries(repository, f"--max-count={most}", f"{parents[0]}..{parents[1]}")
    base = _text(repository, "merge-base", parents[0], parents[1]).strip()
    return [*side, *_entries(repository, "--max-count=1", base)] if side and len(base) == 40 else []


def renames_of(repository: Repository, path: str) -> tuple[tuple[str, str], ...]:
    """Commits of the branch that renamed this file, newest first, each with the name before it."""
    name = (repository.root.relative_to(repository.top) / path).as_posix()
    text = _text(
        repository, "log", "--follow", "--first-parent", "-m", "-M", "--diff-filter=R", "--name-status", "-z",
        "--format=%x01%H", "HEAD", "--", name,
    )  # fmt: skip
    found = []
    for record in text.split("\x01")[1:]:
        commit, *rest = [part.strip("\n") for part in record.split("\0")]
        names = [part for part in rest if part]
        if len(names) >= 3 and names[0].startswith("R"):
            found.append((commit, _below_root(repository, names[1])))
    return tuple(found)


def is_shallow(repository: Repository) -> bool:
    """Whether the history ends because the clone does."""
    return _text(repository, "rev-parse", "--is-shallow-repository").strip() == "true"


def _entries(repository: Repository, *which: str) -> list[LogEntry]:
    text = _text(
        repository, "log", "--first-parent", "-m", "--name-only", "--no-renames", "-z", _FORMAT, *which, "--"
    )
    found = []
    for record in text.split("\x01")[1:]:
        head, *names = record.split("\0")
        words = head.strip("\n").split("\t", 3)
        if len(words) == 4:
            paths = tuple(
                _below_root(repository, n.strip("\n")) for n in names[:_MOST_PATHS] if n.strip("\n")
            )
            found.append(LogEntry(words[0], words[1], words[2], words[3], paths))
    return found


def _below_root(repository: Repository, name: str) -> str:
    """A path of the repository as the suite names it; as it is where it lies outside of the suite."""
    below = repository.root.relative_to(repository.top).as_posix()
    return name if below == "." else name.removeprefix(f"{below}/")


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


def kept_texts(repository: Repository, path: str) -> tuple[tuple[str, str], ...]:
    """Texts of a file that is not there, with origins: deleted, on another branch, in the stash, moved."""
    name = (repository.root.relative_to(repository.top) / path).as_posix()
    deleted = last_text(repository, path)
    found = [("its last version in git", deleted)] if deleted is not None else []
    for spec in (name, f":(glob)**/{name.rpartition('/')[2]}"):
        log = _text(
            repository, "log", "--all", "-m", "--max-count=3", "--diff-filter=AMR", "--name-only", "-z",
            "--format=%x01%H", "--", spec,
        )  # fmt: skip
        for record in log.split("\x01")[1:]:
            commit, *names = [part.strip("\n") for part in record.split("\0")]
            for other in [part for part in names if part][:2]:
                text = _text(repository, "show", "--no-textconv", f"{commit}:{other}", strip=False)
                if text:
                    found.append((f"{other} as of {commit[:12]}", text))
    return tuple({text: (origin, text) for origin, text in reversed(found)}.values())[::-1]


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

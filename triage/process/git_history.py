"""Read the history of a repository: commits, merges, renames, and files that are no longer there."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from triage.errors import VoidError
from triage.process.git import Repository

_FORMAT = "--format=%x01%H%x09%cI%x09%an%x09%s"
"""A record begins with \\x01; its fields are id, date, author and subject."""
_MAX_PATHS = 200
_MAX_COMMITS_OF_A_TEXT = 3
_FULL_ID = 40
"""Hexadecimal digits of a commit's id."""


class LogEntry(NamedTuple):
    """One commit, as a list shows it."""

    id: str
    date: str
    author: str
    subject: str
    paths: tuple[str, ...] = ()
    """What it changed against its first parent, relative to the suite's root; the first 200."""


def first_parents(repository: Repository, most: int = 2000, of: str = "HEAD") -> list[LogEntry]:
    """List a branch, newest first, along first parents; empty before the first commit."""
    return _entries(repository, f"--max-count={most}", of)


def merged_by(repository: Repository, commit: str, most: int = 2000) -> list[LogEntry]:
    """List what a merge brought in beside its first parent, newest first, then where that branched off.

    Empty where the commit is no merge.
    """
    parents = git_text(repository, "rev-list", "--parents", "--max-count=1", commit, "--").split()[1:]
    if len(parents) < 2:
        return []
    side = _entries(repository, f"--max-count={most}", f"{parents[0]}..{parents[1]}")
    base = git_text(repository, "merge-base", parents[0], parents[1]).strip()
    if not side or len(base) != _FULL_ID:
        return []
    return [*side, *_entries(repository, "--max-count=1", base)]


def renames_of(repository: Repository, path: str) -> tuple[tuple[str, str], ...]:
    """List the commits of the branch that renamed this file, newest first, each with the name before it."""
    name = (repository.root.relative_to(repository.top) / path).as_posix()
    text = git_text(
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


def text_at(repository: Repository, commit: str, path: str) -> str | None:
    """Return a file as a commit has it; `path` is relative to the suite's root."""
    resolved = repository.resolve(commit)
    if resolved is None:
        return None
    name = (repository.root.relative_to(repository.top) / path).as_posix()
    return git_text(repository, "show", "--no-textconv", f"{resolved}:{name}", strip=False) or None


def is_shallow(repository: Repository) -> bool:
    """Tell whether the history ends because the clone does."""
    return git_text(repository, "rev-parse", "--is-shallow-repository").strip() == "true"


def _entries(repository: Repository, *which: str) -> list[LogEntry]:
    text = git_text(
        repository, "log", "--first-parent", "-m", "--name-only", "--no-renames", "-z", _FORMAT, *which, "--"
    )
    found = []
    for record in text.split("\x01")[1:]:
        head, *names = record.split("\0")
        words = head.strip("\n").split("\t", 3)
        if len(words) != 4:
            # an empty repository has a message instead of records
            continue
        commit, date, author, subject = words
        paths = []
        for name in names[:_MAX_PATHS]:
            path = name.strip("\n")
            if path:
                paths.append(_below_root(repository, path))
        found.append(LogEntry(commit, date, author, subject, tuple(paths)))
    return found


def _below_root(repository: Repository, name: str) -> str:
    """A path of the repository as the suite names it; unchanged where it lies outside of the suite."""
    below = repository.root.relative_to(repository.top).as_posix()
    return name if below == "." else name.removeprefix(f"{below}/")


def last_text(repository: Repository, path: str) -> str | None:
    """Return the last version of a file that was deleted; `path` is relative to the suite's root."""
    name = (repository.root.relative_to(repository.top) / path).as_posix()
    commit = git_text(
        repository, "log", "--max-count=1", "--diff-filter=D", "--format=%H", "HEAD", "--", name
    ).strip()
    if len(commit) != _FULL_ID:
        return None
    text = git_text(repository, "show", "--no-textconv", f"{commit}^:{name}", strip=False)
    return text or None


def recoverable_texts(repository: Repository, path: str) -> tuple[tuple[str, str], ...]:
    """Return texts of a file that is not there: deleted, on another branch, in the stash, moved.

    Pairs of an origin in plain words and the text; no text twice.
    """
    name = (repository.root.relative_to(repository.top) / path).as_posix()
    deleted = last_text(repository, path)
    found = []
    if deleted is not None:
        found.append(("its last version in git", deleted))
    # the file itself, then any of the same name
    for spec in (name, f":(glob)**/{name.rpartition('/')[2]}"):
        log = git_text(
            repository, "log", "--all", "-m", f"--max-count={_MAX_COMMITS_OF_A_TEXT}", "--diff-filter=AMR",
            "--name-only", "-z", "--format=%x01%H", "--", spec,
        )  # fmt: skip
        for record in log.split("\x01")[1:]:
            commit, *names = [part.strip("\n") for part in record.split("\0")]
            for other in [part for part in names if part][:2]:
                text = git_text(repository, "show", "--no-textconv", f"{commit}:{other}", strip=False)
                if text:
                    found.append((f"{other} as of {commit[:12]}", text))
    first_of_text: dict[str, tuple[str, str]] = {}
    for origin, text in found:
        first_of_text.setdefault(text, (origin, text))
    return tuple(first_of_text.values())


def tracked(repository: Repository, folder: str) -> frozenset[str]:
    """Return the files of a folder that git tracks; both are relative to the suite's root."""
    below = repository.root.relative_to(repository.top)
    names = git_text(repository, "ls-files", "-z", "--full-name", "--", (below / folder).as_posix()).split(
        "\0"
    )
    prefix = "" if below.as_posix() == "." else below.as_posix() + "/"
    return frozenset(name.removeprefix(prefix) for name in names if name)


def git_text(repository: Repository, command: str, *arguments: str, strip: bool = True) -> str:
    """Return what a git command prints; empty where it fails."""
    try:
        return repository._call(command, *arguments, strip=strip)
    except VoidError:
        return ""


class FileChange(NamedTuple):
    """What one commit made of one file, against one of its parents."""

    commit: str
    path: str
    """Relative to the suite's root."""
    before: str | None
    """Id of the content before; None where the file was new."""
    after: str | None
    """Id of the content after; None where it was removed."""
    removed_lines: int


def changes_of(repository: Repository, *patterns: str) -> list[FileChange]:
    """List what the history of HEAD did to files, newest first; `patterns` are git's, relative to the root.

    Empty before the first commit. In a shallow clone the history begins where the clone does.
    """
    below = repository.root.relative_to(repository.top).as_posix()
    prefix = "" if below == "." else f"{below}/"
    text = git_text(
        repository, "log", "-m", "--root", "--no-renames", "--no-abbrev", "--raw", "--numstat",
        "--format=%x01%H", "HEAD", "--", *(f":(top,glob){prefix}{pattern}" for pattern in patterns),
    )  # fmt: skip
    found = []
    for record in text.split("\x01")[1:]:
        commit, *lines = record.split("\n")
        ids: dict[str, tuple[str, str]] = {}
        for line in lines:
            if line.startswith(":"):
                fields, path = line.split("\t", 1)
                _, _, before, after, _ = fields.split(" ")
                ids[path] = (before, after)
            elif line.count("\t") == 2:
                _, removed, path = line.split("\t")
                before, after = ids.get(path, (_NO_CONTENT, _NO_CONTENT))
                found.append(
                    FileChange(
                        commit=commit.strip(),
                        path=_below_root(repository, path),
                        before=None if set(before) == {_NO_CONTENT} else before,
                        after=None if set(after) == {_NO_CONTENT} else after,
                        removed_lines=int(removed) if removed.isdigit() else 0,
                    )
                )
    return found


_NO_CONTENT = "0"
"""An id of zeros alone stands for no file."""


def content_of(repository: Repository, content_id: str) -> bytes:
    """Return the content that an id of git's names; empty where there is none."""
    text = git_text(repository, "cat-file", "blob", content_id, strip=False)
    return text.encode("utf-8", "surrogateescape")


def committed_ids(repository: Repository, *names: str) -> dict[str, str]:
    """Return the content id of each of these files, or files in these folders, as HEAD has them."""
    below = repository.root.relative_to(repository.top)
    paths = [(below / name).as_posix() for name in names]
    listing = git_text(repository, "ls-tree", "-r", "-z", "--full-tree", "HEAD", "--", *paths)
    found = {}
    for entry in listing.split("\0"):
        if "\t" in entry:
            fields, path = entry.split("\t", 1)
            found[_below_root(repository, path)] = fields.split(" ")[2]
    return found


def id_of(data: bytes, like: str) -> str:
    """Compute the id that git gives to a content, by the hash of another id of the repository."""
    algorithm = hashlib.sha1 if len(like) == _FULL_ID else hashlib.sha256
    return algorithm(b"blob %d\0" % len(data) + data).hexdigest()

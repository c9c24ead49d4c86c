"""Read the history of a repository: commits, merges, renames, and files that are no longer there."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from triage.errors import VoidError
from triage.process.git import Repository

_FORMAT = "--format=%x01%H%x09%cI%x09%an%x09%s"
"""A record begins with \\x01; its fields are id, date, author and subject."""
_MAX_PATHS = 200
_MAX_COMMITS_OF_A_TEXT = 3
_FULL_ID = 40
"""Hexadecimal digits of a commit's id."""
_MOST_RENAMING_COMMITS = 1000
"""Commits whose renames are looked for: git compares files for each, about a millisecond a commit."""
_SHOWN_RENAMES = ("diff", "-M", "--no-ext-diff", "--no-textconv", "--diff-filter=R", "--name-status", "-z")
_RENAMED = re.compile(r"R\d{3}")
_MOST_BY_HAND = 200
"""Files that are gone, and new files, which are compared where nobody told git of a move."""
_LARGEST_TEXT = 1 << 20
_LIKE_ENOUGH = 0.5
"""Share of common lines from which on a new file is the old one: as git has it."""


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
    parents = _text(repository, "rev-list", "--parents", "--max-count=1", commit, "--").split()[1:]
    if len(parents) < 2:
        return []
    side = _entries(repository, f"--max-count={most}", f"{parents[0]}..{parents[1]}")
    base = _text(repository, "merge-base", parents[0], parents[1]).strip()
    if not side or len(base) != _FULL_ID:
        return []
    return [*side, *_entries(repository, "--max-count=1", base)]


def renames_of(repository: Repository, path: str) -> tuple[tuple[str, str], ...]:
    """List the commits of the branch that renamed this file, newest first, each with the name before it."""
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


class Rename(NamedTuple):
    """A file that has another name now, both relative to the suite's root."""

    old: str
    new: str
    how: str
    """Which commit renamed it, or that nobody has committed it yet."""


def renames_since(repository: Repository, commit: str | None) -> tuple[Rename, ...]:
    """List the files whose names have changed between a commit and the working tree.

    Renames are followed commit by commit, because a file may be moved and rewritten; then as git sees both
    ends at once; then what is not committed yet. Without a commit that is known, the last ones are read.
    """
    since = repository.resolve(commit) if commit else None
    steps = _renaming_commits(repository, since)
    if since is not None:
        pairs = _pairs(_text(repository, *_SHOWN_RENAMES, since, "HEAD", "--"))
        known = {step.new for step in steps}
        steps += [Rename(old, new, f"renamed since {since[:12]}") for old, new in pairs if new not in known]
    uncommitted = [*_pairs(_text(repository, *_SHOWN_RENAMES, "HEAD", "--")), *_moved_by_hand(repository)]
    steps += [Rename(old, new, "renamed, not committed yet") for old, new in uncommitted]
    return tuple(_below_the_root(repository, _followed(steps)))


def _renaming_commits(repository: Repository, since: str | None) -> list[Rename]:
    """Renames of each commit, oldest first."""
    which = f"{since}..HEAD" if since is not None else "HEAD"
    text = _text(
        repository, "log", "--reverse", "--topo-order", f"--max-count={_MOST_RENAMING_COMMITS}", "-M",
        "--diff-filter=R", "--name-status", "-z", "--format=%x01%H", which, "--",
    )  # fmt: skip
    steps = []
    for record in text.split("\x01")[1:]:
        commit, _, names = record.partition("\0")
        steps += [Rename(old, new, f"renamed in {commit.strip()[:12]}") for old, new in _pairs(names)]
    return steps


def _pairs(text: str) -> list[tuple[str, str]]:
    """Old and new names of `--name-status -z`: a letter with a percentage, then both."""
    parts = [part.strip("\n") for part in text.split("\0")]
    parts = [part for part in parts if part]
    return [
        (parts[index + 1], parts[index + 2])
        for index in range(len(parts) - 2)
        if _RENAMED.fullmatch(parts[index])
    ]


def _moved_by_hand(repository: Repository) -> list[tuple[str, str]]:
    """Files that git has not been told of: one is gone, another of nearly the same text is new."""
    top = repository.top
    gone = _names(repository, "ls-files", "-z", "--full-name", "--deleted", "--", ":/")[:_MOST_BY_HAND]
    if not gone:
        return []
    new = _names(repository, "ls-files", "-z", "--full-name", "--others", "--exclude-standard", "--", ":/")
    texts = {name: _lines(top / name) for name in new[:_MOST_BY_HAND]}
    found = []
    for old in gone:
        lines = Counter(_text(repository, "show", "--no-textconv", f"HEAD:{old}", strip=False).splitlines())
        alike = {
            name: _likeness(lines, text) for name, text in texts.items() if _suffix(name) == _suffix(old)
        }
        best = max(alike, key=lambda name: alike[name], default=None)
        if best is not None and alike[best] >= _LIKE_ENOUGH:
            found.append((old, best))
            del texts[best]
    return found


def _names(repository: Repository, *words: str) -> list[str]:
    return [name for name in _text(repository, *words).split("\0") if name]


def _lines(path: Path) -> Counter[str]:
    try:
        if path.stat().st_size > _LARGEST_TEXT:
            return Counter()
        return Counter(path.read_text("utf-8", "replace").splitlines())
    except OSError:
        return Counter()


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    """Share of common lines, of the longer of both texts."""
    longer = max(one.total(), other.total())
    return (one & other).total() / longer if longer else 0.0


def _suffix(name: str) -> str:
    return name.rpartition(".")[2]


def _followed(steps: list[Rename]) -> list[Rename]:
    """From each name that a file has had to the one that it has now; steps come oldest first."""
    now: dict[str, Rename] = {}
    for step in steps:
        origins = [old for old, rename in now.items() if rename.new == step.old]
        for old in (*origins, step.old):
            now[old] = Rename(old, step.new, step.how)
    return [rename for rename in now.values() if rename.old != rename.new]


def _below_the_root(repository: Repository, renames: list[Rename]) -> Iterator[Rename]:
    """Those of the suite, with names relative to its root."""
    below = repository.root.relative_to(repository.top).as_posix()
    prefix = "" if below == "." else f"{below}/"
    for rename in renames:
        if rename.old.startswith(prefix) and rename.new.startswith(prefix):
            yield Rename(rename.old.removeprefix(prefix), rename.new.removeprefix(prefix), rename.how)


def text_at(repository: Repository, commit: str, path: str) -> str | None:
    """Return a file as a commit has it; `path` is relative to the suite's root."""
    resolved = repository.resolve(commit)
    if resolved is None:
        return None
    name = (repository.root.relative_to(repository.top) / path).as_posix()
    return _text(repository, "show", "--no-textconv", f"{resolved}:{name}", strip=False) or None


def is_shallow(repository: Repository) -> bool:
    """Tell whether the history ends because the clone does."""
    return _text(repository, "rev-parse", "--is-shallow-repository").strip() == "true"


def _entries(repository: Repository, *which: str) -> list[LogEntry]:
    text = _text(
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
    commit = _text(
        repository, "log", "--max-count=1", "--diff-filter=D", "--format=%H", "HEAD", "--", name
    ).strip()
    if len(commit) != _FULL_ID:
        return None
    text = _text(repository, "show", "--no-textconv", f"{commit}^:{name}", strip=False)
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
        log = _text(
            repository, "log", "--all", "-m", f"--max-count={_MAX_COMMITS_OF_A_TEXT}", "--diff-filter=AMR",
            "--name-only", "-z", "--format=%x01%H", "--", spec,
        )  # fmt: skip
        for record in log.split("\x01")[1:]:
            commit, *names = [part.strip("\n") for part in record.split("\0")]
            for other in [part for part in names if part][:2]:
                text = _text(repository, "show", "--no-textconv", f"{commit}:{other}", strip=False)
                if text:
                    found.append((f"{other} as of {commit[:12]}", text))
    first_of_text: dict[str, tuple[str, str]] = {}
    for origin, text in found:
        first_of_text.setdefault(text, (origin, text))
    return tuple(first_of_text.values())


def tracked(repository: Repository, folder: str) -> frozenset[str]:
    """Return the files of a folder that git tracks; both are relative to the suite's root."""
    below = repository.root.relative_to(repository.top)
    names = _text(repository, "ls-files", "-z", "--full-name", "--", (below / folder).as_posix()).split("\0")
    prefix = "" if below.as_posix() == "." else below.as_posix() + "/"
    return frozenset(name.removeprefix(prefix) for name in names if name)


def _text(repository: Repository, command: str, *arguments: str, strip: bool = True) -> str:
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
    text = _text(
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
    text = _text(repository, "cat-file", "blob", content_id, strip=False)
    return text.encode("utf-8", "surrogateescape")


def committed_ids(repository: Repository, *names: str) -> dict[str, str]:
    """Return the content id of each of these files, or files in these folders, as HEAD has them."""
    below = repository.root.relative_to(repository.top)
    paths = [(below / name).as_posix() for name in names]
    listing = _text(repository, "ls-tree", "-r", "-z", "--full-tree", "HEAD", "--", *paths)
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

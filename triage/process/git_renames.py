"""Find the files of a repository that have another name than at an earlier commit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from triage.process.git import Repository
from triage.process.git_history import git_text

_MOST_RENAMING_COMMITS = 1000
"""Commits whose renames are looked for: git compares files for each, about a millisecond a commit."""
_SHOWN_RENAMES = ("diff", "-M", "--no-ext-diff", "--no-textconv", "--diff-filter=R", "--name-status", "-z")
_RENAMED = re.compile(r"R\d{3}")
_MOST_BY_HAND = 200
"""Files that are gone, and new files, which are compared where nobody told git of a move."""
_LARGEST_TEXT = 1 << 20
_LIKE_ENOUGH = 0.5
"""Share of common lines from which on a new file is the old one: as git has it."""


class Rename(NamedTuple):
    """A file that has another name now, both relative to the suite's root."""

    old: str
    new: str
    how: str
    """Which commit renamed it, or that nobody has committed it yet."""
    on_the_way: bool = False
    """It had the old name between two renames only, not at the commit that was asked for."""


def renames_since(repository: Repository, commit: str | None) -> tuple[Rename, ...]:
    """List the files whose names have changed: the name at a commit, and that in the working tree.

    Of a file that was renamed more than once there is one row; `every_rename_since` has its other names too.
    """
    every = every_rename_since(repository, commit)
    last = {rename.old: rename for rename in every if not rename.on_the_way}
    return tuple(last.values())


def every_rename_since(repository: Repository, commit: str | None) -> tuple[Rename, ...]:
    """List every name that a file has had since a commit and has no longer, each with that of today.

    Renames are followed commit by commit, because a file may be moved and rewritten; then as git sees both
    ends at once; then what is not committed yet. Without a commit that is known, the last ones are read.
    """
    since = repository.resolve(commit) if commit else None
    steps = _renaming_commits(repository, since)
    if since is not None:
        pairs = _pairs(git_text(repository, *_SHOWN_RENAMES, since, "HEAD", "--"))
        known = {step.new for step in steps}
        steps += [Rename(old, new, f"renamed since {since[:12]}") for old, new in pairs if new not in known]
    uncommitted = [
        *_pairs(git_text(repository, *_SHOWN_RENAMES, "HEAD", "--")),
        *_moved_by_hand(repository),
    ]
    steps += [Rename(old, new, "renamed, not committed yet") for old, new in uncommitted]
    return tuple(_below_the_root(repository, _followed(steps)))


def _renaming_commits(repository: Repository, since: str | None) -> list[Rename]:
    """Renames of each commit, oldest first."""
    which = f"{since}..HEAD" if since is not None else "HEAD"
    text = git_text(
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
        lines = Counter(
            git_text(repository, "show", "--no-textconv", f"HEAD:{old}", strip=False).splitlines()
        )
        alike = {
            name: _likeness(lines, text) for name, text in texts.items() if _suffix(name) == _suffix(old)
        }
        best = max(alike, key=lambda name: alike[name], default=None)
        if best is not None and alike[best] >= _LIKE_ENOUGH:
            found.append((old, best))
            del texts[best]
    return found


def _names(repository: Repository, *words: str) -> list[str]:
    return [name for name in git_text(repository, *words).split("\0") if name]


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
        origins = [rename for rename in now.values() if rename.new == step.old]
        for origin in origins:
            now[origin.old] = origin._replace(new=step.new, how=step.how)
        now[step.old] = step._replace(on_the_way=bool(origins))
    return [rename for rename in now.values() if rename.old != rename.new]


def _below_the_root(repository: Repository, renames: list[Rename]) -> Iterator[Rename]:
    """Those of the suite, with names relative to its root."""
    below = repository.root.relative_to(repository.top).as_posix()
    prefix = "" if below == "." else f"{below}/"
    for rename in renames:
        if rename.old.startswith(prefix) and rename.new.startswith(prefix):
            old, new = rename.old.removeprefix(prefix), rename.new.removeprefix(prefix)
            yield rename._replace(old=old, new=new)

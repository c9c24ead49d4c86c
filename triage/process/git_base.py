"""Ask a repository what a change is judged against: merge bases, default branches, files."""

from __future__ import annotations

from pathlib import Path

from triage.errors import VoidError
from triage.process.git import Repository

_USUAL_BRANCHES = ("main", "master", "trunk", "develop", "default")
"""Names of default branches, the likelier ones first."""
_FULL_ID = 40
"""Hexadecimal digits of a commit's id."""


def merge_base(repository: Repository, one: str, other: str) -> str | None:
    """Return the best common ancestor of two commits; None where this clone has none."""
    return _id(_answer(repository, "merge-base", one, other))


def is_ancestor(repository: Repository, old: str, new: str) -> bool:
    """Tell whether a commit is in the history of another; a commit is in its own."""
    return old == new or merge_base(repository, old, new) == old


def parents(repository: Repository, commit: str) -> tuple[str, ...]:
    """Return the ids of a commit's parents; none for the first commit, and where a shallow clone ends."""
    return tuple(_answer(repository, "rev-list", "--parents", "--max-count=1", commit, "--").split()[1:])


def history_length(repository: Repository) -> int:
    """Count the commits that the branch has in this clone, along first parents."""
    text = _answer(repository, "rev-list", "--count", "--first-parent", "HEAD", "--").strip()
    return int(text) if text.isdigit() else 0


def remotes(repository: Repository) -> tuple[str, ...]:
    """Return the names of remotes, `origin` first."""
    names = _answer(repository, "remote").split()
    return tuple(sorted(names, key=lambda name: (name != "origin", name)))


def find_branch(repository: Repository, name: str) -> tuple[str, str] | None:
    """Find a branch that a CI system or a person names: the ref that has it, and its commit.

    A remote's branch goes before a local one of the same name, which may be old. `name` may be a whole ref.
    """
    short = name.removeprefix("refs/heads/")
    refs = [f"refs/remotes/{remote}/{short}" for remote in remotes(repository)]
    for ref in (*refs, f"refs/heads/{short}"):
        commit = repository.resolve(ref)
        if commit is not None:
            return ref.removeprefix("refs/remotes/").removeprefix("refs/heads/"), commit
    return None


def default_branch(repository: Repository) -> tuple[str, str] | None:
    """Find the default branch: what a remote calls its HEAD, else a branch with a usual name."""
    for remote in remotes(repository):
        head = _answer(repository, "symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD").strip()
        commit = repository.resolve(head) if head else None
        if commit is not None:
            return head.removeprefix("refs/remotes/"), commit
    for name in _USUAL_BRANCHES:
        found = find_branch(repository, name)
        if found is not None:
            return found
    return None


def has_path(repository: Repository, commit: str, path: Path) -> bool:
    """Tell whether a commit has a file or folder; `path` is absolute, below the top of the repository."""
    below = path.relative_to(repository.top).as_posix()
    return below == "." or bool(_answer(repository, "rev-parse", "--verify", "--quiet", f"{commit}:{below}"))


def modified_since(repository: Repository, commit: str) -> tuple[str, ...]:
    """Return tracked files that differ between a commit and the tree as it stands, relative to the top."""
    listing = _answer(repository, "diff", "--no-ext-diff", "--no-renames", "--name-only", "-z", commit, "--")
    return tuple(name for name in listing.split("\0") if name)


def changed_since(repository: Repository, commit: str) -> tuple[str, ...]:
    """Return files that differ between a commit and the tree as it stands, new ones too, from the top."""
    return tuple(dict.fromkeys((*modified_since(repository, commit), *_untracked(repository))))


def files_now(repository: Repository) -> tuple[str, ...]:
    """Return the files of the suite as it stands, relative to its root: tracked ones and new ones."""
    listing = _answer(
        repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--full-name", "--",
        f":(top,literal){_root_below_top(repository)}",
    )  # fmt: skip
    prefix = _prefix(repository)
    names = (name.removeprefix(prefix) for name in listing.split("\0") if name)
    return tuple(dict.fromkeys(name for name in names if (repository.root / name).is_file()))


def files_at(repository: Repository, commit: str) -> dict[str, str]:
    """Map the files of the suite in a commit, relative to its root, to the ids of their texts."""
    listing = _answer(repository, "ls-tree", "-r", "-z", "--full-tree", commit)
    prefix = _prefix(repository)
    found = {}
    for entry in listing.split("\0"):
        words, tab, path = entry.partition("\t")
        is_file = tab and not words.startswith("160000")  # the mode of a submodule
        if is_file and path.startswith(prefix):
            found[path.removeprefix(prefix)] = words.rpartition(" ")[2]
    return found


def _untracked(repository: Repository) -> list[str]:
    listing = _answer(
        repository, "ls-files", "-z", "--others", "--exclude-standard", "--full-name", "--", ":(top)"
    )
    return [name for name in listing.split("\0") if name]


def _root_below_top(repository: Repository) -> str:
    below = repository.root.relative_to(repository.top).as_posix()
    return "" if below == "." else below


def _prefix(repository: Repository) -> str:
    below = _root_below_top(repository)
    return f"{below}/" if below else ""


def _id(text: str) -> str | None:
    first = text.split("\n", 1)[0].strip()
    return first if len(first) == _FULL_ID else None


def _answer(repository: Repository, command: str, *arguments: str) -> str:
    """What git prints; empty where it refuses."""
    try:
        return repository._call(command, *arguments)
    except VoidError:
        return ""

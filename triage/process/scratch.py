"""Keep working copies of the suite, one for each worker, and restore them before each run.

The user's tree is read once. A test that writes, deletes or locks files does it in a copy, and the
next run finds the copy as the first one did.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from triage.errors import UsageError, VoidError
from triage.process.git import Repository, scratch_copy
from triage.process.git_base import files_at
from triage.process.git_history import tracked
from triage.process.git_lfs import is_pointer
from triage.process.git_submodules import fill_submodules
from triage.process.work_folder import COPY, work_folder

_CACHES = frozenset({"__pycache__", ".pytest_cache", ".hypothesis"})
_NOT_CARRIED = _CACHES | {
    ".git", ".hg", ".venv", "venv", ".tox", ".nox", ".triage", "node_modules", ".mypy_cache",
    ".ruff_cache", "reports",
}  # fmt: skip
"""Ignored folders that no test needs."""
_OWN_FOLDERS = ("reports", ".triage")
"""Where triage itself writes."""
_MOST_CARRIED = 256 * 1024 * 1024
"""Bytes of ignored files that are copied: enough for compiled modules, too little for a data set."""


class _Entry(NamedTuple):
    """What tells a touched file from an untouched one."""

    mode: int
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Overlay:
    """Changes to a whole state that are more than a few texts, under a name of their own."""

    name: str
    write: Callable[[Path], None]
    """Is given the suite's root in a fresh copy."""


_State = tuple[str | None, str | None]
"""A commit (None: the tree as it stands) and the name of an overlay."""


class Scratch:
    """The suite in its present state, and in the state of any commit."""

    def __init__(self, root: Path, folder: Path, *, carry_only_ignored: bool = False) -> None:
        """Copies get what the user's tree has and the commit lacks; `carry_only_ignored`: if git ignores it.

        The latter is for a commit that must not see what came after it.
        """
        self._root = root.resolve()
        self._folder = folder
        repository = Repository.find(root)
        # a checkout that cannot be written is copied as it stands; other commits are out of reach there
        self._repository = repository if repository is not None and repository.takes_worktrees else None
        self._stack = ExitStack()
        self._pristine: dict[_State, tuple[Path, dict[str, _Entry]]] = {}
        self._carry_only_ignored = carry_only_ignored
        self.missing: list[str] = []
        """Parts of a state that could not be had, one line each."""

    def __enter__(self) -> Scratch:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def prepare(self, commit: str | None, overlay: Overlay | None = None) -> Path:
        """The untouched copy of one state, made once: where the suite's root is in it.

        Not safe to call from two threads.
        """
        state = _state(commit, overlay)
        if state not in self._pristine:
            root = self._stack.enter_context(self._original(commit))
            top = root.parents[len(self._below.parts) - 1] if self._below.parts else root
            if self._repository is not None and self._repository.head() is not None:
                self.missing += fill_submodules(self._repository, top, commit)
            _carry(self._root, root, self._carried())
            if commit is not None and self._repository is not None:
                self._take_filtered(self._repository, commit, root)
            self._drop_evidence(root)
            if overlay is not None:
                overlay.write(root)
            self._pristine[state] = (top, _listing(top))
        return self._pristine[state][0] / self._below

    def tree(
        self,
        slot: int,
        commit: str | None,
        edits: Mapping[str, str | None],
        overlay: Overlay | None = None,
    ) -> Path:
        """A working copy in its original state, with these files given another text: its root."""
        top, entries = self._pristine[_state(commit, overlay)]
        name = commit[:12] if commit else "now"
        if overlay is not None:
            name += f"-{overlay.name}"
        target = self._folder / f"slot_{slot}" / name / top.name
        if target.exists():
            _restore(top, entries, target)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(top, target, symlinks=True, ignore_dangling_symlinks=True)
        for path, text in edits.items():
            _edit(target / self._below, path, text)
        return target / self._below

    def carried(self) -> list[Path]:
        """Files of the user's tree, relative to its root, that copies get because git ignores them."""
        return [path.relative_to(self._root) for path in self._carried()]

    def _carried(self) -> Iterator[Path]:
        """Files of the user's tree that no commit has but tests may need: compiled modules, settings."""
        if not self._carry_only_ignored or self._repository is None:
            yield from _files_to_carry(self._root)
            return
        for name in self._repository.ignored():
            path = self._repository.top / name
            if not _is_left_out(path):
                yield from _files_to_carry(path) if path.is_dir() and not path.is_symlink() else [path]

    def _take_filtered(self, repository: Repository, commit: str, target: Path) -> None:
        """Copy files that pass through a filter of git (large file storage), which is not started here.

        The user's tree has their contents; in another version than the commit's they are missing.
        """
        prefix = f"{self._below.as_posix()}/" if self._below.parts else ""
        filtered = [
            name.removeprefix(prefix) for name in repository.filtered_files() if name.startswith(prefix)
        ]
        if not filtered and not _names_filters(target, self._root, repository.top):
            return
        now, then = files_at(repository, "HEAD"), files_at(repository, commit)
        for name in sorted(filtered):
            if name not in then:
                continue
            if now.get(name) == then[name] and (self._root / name).is_file():
                shutil.copy2(self._root / name, target / name)
            else:
                at = f"at {commit[:12]}"
                self.missing.append(
                    f"{name} is {at} as the repository stores it (a pointer of Git LFS, say): it has changed "
                    "since, and the filter that would fetch it is not started"
                )
        for name in sorted(then.keys() - set(filtered)):
            # of a file that is gone since, or no longer in large file storage, git's attributes say nothing
            if now.get(name) != then[name] and is_pointer(target / name):
                self.missing.append(
                    f"{name} is at {commit[:12]} a pointer of Git LFS: it was removed since, or is no longer "
                    "kept there, and the filter that would fetch it is not started"
                )

    def _drop_evidence(self, root: Path) -> None:
        """Remove what triage wrote itself and nobody committed: it is no part of the code under test."""
        for name in _OWN_FOLDERS:
            known = tracked(self._repository, name) if self._repository is not None else frozenset()
            for path in [entry for entry in _walk(root / name) if not entry.is_dir()]:
                if path.relative_to(root).as_posix() not in known:
                    path.unlink()
            if not known and (root / name).is_dir():
                shutil.rmtree(root / name, ignore_errors=True)

    @property
    def _below(self) -> Path:
        """The suite's root relative to what is copied: a suite may use files of its repository."""
        if self._repository is None:
            return Path()
        return self._root.relative_to(self._repository.top)

    def _original(self, commit: str | None) -> AbstractContextManager[Path]:
        if commit is None:
            return scratch_copy(self._root)
        if self._repository is None:
            raise UsageError(
                "no-git", f"{self._root} is in no git repository that can be written", "probe without commits"
            )
        if self._carry_only_ignored:
            return self._worktree_or_files(self._repository, commit)
        return self._repository.scratch(commit)

    @contextmanager
    def _worktree_or_files(self, repository: Repository, commit: str) -> Iterator[Path]:
        """A worktree; the files alone where git may not write into the repository."""
        with ExitStack() as stack:
            try:
                root = stack.enter_context(repository.scratch(commit))
            except VoidError:
                tree = stack.enter_context(work_folder(COPY, self._root)) / (repository.top.name or "tree")
                repository.export(commit, tree)
                root = tree / self._below
            yield root


def _state(commit: str | None, overlay: Overlay | None) -> _State:
    return commit, overlay.name if overlay else None


def _names_filters(*folders: Path) -> bool:
    """Whether `.gitattributes` of one of the folders sends files through a filter."""
    for folder in folders:
        path = folder / ".gitattributes"
        if path.is_file() and "filter=" in path.read_text("utf-8", "replace"):
            return True
    return False


def _carry(root: Path, target: Path, paths: Iterable[Path]) -> None:
    """Copy files that the state itself does not have, as many as the limit allows."""
    bytes_left = _MOST_CARRIED
    for path in paths:
        copy = target / path.relative_to(root)
        if copy.exists() or copy.is_symlink() or not (path.is_file() or path.is_symlink()):
            continue
        bytes_left -= path.lstat().st_size
        if bytes_left < 0:
            return
        copy.parent.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):
            shutil.copy2(path, copy, follow_symlinks=False)


def _files_to_carry(folder: Path) -> Iterator[Path]:
    """Every file but those of folders that no test needs."""
    for base, folders, names in os.walk(folder, followlinks=False):
        here = Path(base)
        folders[:] = [name for name in folders if not _is_left_out(here / name)]
        yield from (here / name for name in names)


def _is_left_out(path: Path) -> bool:
    return path.name in _NOT_CARRIED or (path / "pyvenv.cfg").exists()


def _listing(tree: Path) -> dict[str, _Entry]:
    return {str(path.relative_to(tree)): _entry(path) for path in _walk(tree)}


def _walk(tree: Path) -> Iterator[Path]:
    """Every file, link and folder, folders before what they hold; caches left out."""
    for base, folders, names in os.walk(tree, followlinks=False):
        folders[:] = sorted(name for name in folders if name not in _CACHES and name != ".git")
        yield from (Path(base) / name for name in (*folders, *names))


def _entry(path: Path) -> _Entry:
    status = path.lstat()
    if stat.S_ISDIR(status.st_mode):  # its size and time follow from what it holds
        return _Entry(status.st_mode, 0, 0)
    return _Entry(status.st_mode, status.st_size, status.st_mtime_ns)


def _restore(pristine: Path, entries: Mapping[str, _Entry], target: Path) -> None:
    """Put a working copy back: remove what is new, copy what was touched."""
    target.chmod(0o755)
    for name, entry in entries.items():
        if stat.S_ISDIR(entry.mode):
            with suppress(FileNotFoundError, NotADirectoryError):
                (target / name).chmod(stat.S_IMODE(entry.mode) | 0o700)
    for path in list(_walk(target)):  # a list: what is removed would confuse the walk
        if str(path.relative_to(target)) not in entries:
            _remove(path)
    for name, entry in entries.items():
        path = target / name
        try:
            same = _entry(path) == entry
        except OSError:
            same = False
        if not same:
            _restore_one(pristine / name, path, entry)


def _restore_one(source: Path, path: Path, entry: _Entry) -> None:
    if stat.S_ISDIR(entry.mode):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            _remove(path)
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(stat.S_IMODE(entry.mode))
        return
    _remove(path)
    shutil.copy2(source, path, follow_symlinks=False)
    _forget_bytecode(path)


def _edit(tree: Path, name: str, text: str | None) -> None:
    path = tree / name
    if not (path.parent.resolve() / path.name).is_relative_to(tree.resolve()):
        raise UsageError("outside-scratch", f"{name!r} leaves the suite", "name a file inside it")
    if text is None:
        _remove(path)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            path.unlink()
        path.write_text(text, encoding="utf-8")
    _forget_bytecode(path)


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def _forget_bytecode(path: Path) -> None:
    """Compiled files are recognised by second and size: too coarse for two edits in a row."""
    if path.suffix == ".py":
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
            with suppress(OSError):
                compiled.unlink()

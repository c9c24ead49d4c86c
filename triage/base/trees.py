"""Working copies of the base: as it was, and with the tests of the head laid over its product."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path, PurePosixPath

from triage.base.moved_tests import TouchedModule, module_on_base
from triage.base.subjects import Subject
from triage.base.test_files import TestFileRule, same_for_tests
from triage.model.base_commit import TestFiles
from triage.process.git import Repository
from triage.process.git_base import changed_since, files_at, files_now
from triage.process.git_renames import renames_since
from triage.process.scratch import Overlay, Scratch

_COMPILED = (".so", ".pyd")
"""Modules that were built from the head's sources and lie beside them, ignored by git."""
_SOURCES_OF_COMPILED = (
    ".c", ".cc", ".cpp", ".cu", ".cuh", ".cxx", ".f", ".f90", ".h", ".hpp", ".pxd", ".pxi", ".pyx", ".rs",
)  # fmt: skip

_MOST_NAMED = 3
"""Files in a sentence."""


@dataclass(frozen=True)
class TestChanges:
    """What the change did to the files of tests, relative to the suite's root."""

    __test__ = False

    written: tuple[str, ...]
    """New or other on the head."""
    removed: tuple[str, ...]
    """Only on the base."""

    def __bool__(self) -> bool:
        """Whether the head's tests differ from the base's."""
        return bool(self.written or self.removed)


class BaseTrees:
    """The base commit, ready to run the suite in; `Scratch` makes and restores the copies."""

    def __init__(self, scratch: Scratch, repository: Repository, commit: str, modules: Iterable[str]) -> None:
        """`modules` are the files with the head's collected tests. Makes the copies; not from two threads."""
        self._scratch = scratch
        self._commit = commit
        self.root = repository.root
        self.top = repository.top
        self._renamed = {rename.new: rename.old for rename in renames_since(repository, commit)}
        self._changed = changed_since(repository, commit)
        head_modules = frozenset(modules)
        self._modules = head_modules | {self._renamed.get(name, name) for name in head_modules}
        pristine = scratch.prepare(commit)
        self.changes = self._test_changes(repository, pristine, head_modules)
        self._overlay = self._head_tests() if self.changes else None
        if self._overlay is not None:
            scratch.prepare(commit, self._overlay)

    @property
    def overlay(self) -> Overlay | None:
        """The head's tests, as they are laid over the commit; None where the commit has the very same."""
        return self._overlay

    @property
    def missing(self) -> str | None:
        """What of the base could not be had; None where it is whole."""
        stale = self._stale_modules()
        if stale:
            return f"{', '.join(stale[:_MOST_NAMED])} beside it was built from the head's sources"
        return "; ".join(self._scratch.missing) or None

    def tree(self, slot: int, tests: TestFiles) -> Path:
        """A working copy with these tests in its original state: the suite's root in it."""
        overlay = self._overlay if tests == "head" else None
        return self._scratch.tree(slot, self._commit, {}, overlay)

    def pristine(self, tests: TestFiles) -> Path:
        """The untouched copy with these tests."""
        overlay = self._overlay if tests == "head" else None
        return self._scratch.prepare(self._commit, overlay)

    def name_in(self, tests: TestFiles, nodeid: str) -> str:
        """A test's node id as the copy with these tests has it: git knows of renamed files."""
        if tests == "head":
            return nodeid
        file, separator, rest = nodeid.partition("::")
        was = module_on_base(nodeid, self._renamed.get(file, file), self._touched_modules)
        return was + separator + rest

    @cached_property
    def _touched_modules(self) -> list[TouchedModule]:
        """Modules of tests that the change touched, under the names that the base has for them."""
        pristine = self._scratch.prepare(self._commit)
        now = {self._renamed.get(name, name): name for name in self.changes.written}
        touched = []
        for path in dict.fromkeys((*now, *self.changes.removed)):
            if path.endswith(".py"):
                head = self.root / now.get(path, path)
                touched.append(TouchedModule(path, _text_of(pristine / path), _text_of(head)))
        return touched

    def has_own_form(self, subject: Subject) -> bool:
        """Whether the base may have another form of a test: its module, or what all share, was changed."""
        changed = {*self.changes.written, *self.changes.removed}
        own = {subject.file, self.name_in("base", subject.file)}
        if changed & own or any(name not in self._modules for name in changed):
            return True
        # a module that imports from another test module names it
        module = self.root / subject.file
        if not module.is_file():
            return True
        text = module.read_text("utf-8", "replace")
        return any(PurePosixPath(name).stem in text for name in changed)

    def digest(self, tests: TestFiles) -> str:
        """What stands for a copy beside its commit: the head's tests, and code that git ignores."""
        own = "base" if tests == "base" or self._overlay is None else self._overlay.name
        return f"{own} {self._generated_code}"

    @cached_property
    def _generated_code(self) -> str:
        """Size and time of each module that the copies have from the user's tree."""
        digest = hashlib.sha256()
        for path in sorted(self._scratch.carried()):
            if path.suffix in (".py", *_COMPILED):
                status = (self.root / path).stat()
                digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode("utf-8", "replace"))
        return digest.hexdigest()[:16]

    def _stale_modules(self) -> list[str]:
        """Compiled modules that the copies have from the head, although sources of such were changed."""
        if not any(name.endswith(_SOURCES_OF_COMPILED) for name in self._changed):
            return []
        carried = (path.as_posix() for path in self._scratch.carried())
        return [name for name in carried if name.endswith(_COMPILED)]

    def _test_changes(self, repository: Repository, pristine: Path, modules: frozenset[str]) -> TestChanges:
        on_base = files_at(repository, self._commit)
        was_test = TestFileRule(self._modules)
        is_test = TestFileRule(modules)
        now = [name for name in files_now(repository) if is_test(name)]
        written = [name for name in now if not same_for_tests(self.root / name, pristine / name)]
        kept = set(now)
        removed = [name for name in on_base if was_test(name) and name not in kept]
        return TestChanges(tuple(sorted(written)), tuple(sorted(removed)))

    def _head_tests(self) -> Overlay:
        digest = hashlib.sha256()
        for name in self.changes.written:
            digest.update(f"{name}\0".encode("utf-8", "surrogateescape"))
            digest.update(hashlib.sha256((self.root / name).read_bytes()).digest())
        for name in self.changes.removed:
            digest.update(f"-{name}\0".encode("utf-8", "surrogateescape"))
        # part of a path, and sockets of tests have short ones
        name = f"head-tests-{digest.hexdigest()[:16]}"
        return Overlay(name, partial(_lay_over, self.root, self.changes))


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _lay_over(source: Path, changes: TestChanges, target: Path) -> None:
    """Give a copy of the base the head's tests."""
    for name in changes.removed:
        (target / name).unlink(missing_ok=True)
    for name in changes.written:
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        shutil.copy2(source / name, path)


def moved(text: str, places: Mapping[str, str]) -> str:
    """A setting in which paths below the keys are turned to the same place below the values.

    Paths inside of a virtual environment stay: it is used as it is.
    """
    parts = []
    for part in text.split(":"):
        parts.append(_moved_path(part, places))
    return ":".join(parts)


def _moved_path(path: str, places: Mapping[str, str]) -> str:
    for source, target in places.items():
        inside = path == source or path.startswith(f"{source}/")
        if inside and not any(name in _ENVIRONMENTS for name in path.split("/")):
            return target + path.removeprefix(source)
    return path


_ENVIRONMENTS = frozenset({"site-packages", "dist-packages", ".venv", "venv", ".tox", ".nox", "node_modules"})

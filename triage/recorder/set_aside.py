"""Load modules beforehand and set them aside: a fork that imports one gets it as it was loaded, at once.

A session imports some libraries only while its tests run, or when it ends. A warm parent loads these too and
takes them out of `sys.modules` again, so that until a session imports one it finds nothing of it. Then it
also finds what that import had brought along. Standard library only.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import importlib.abc
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class SetAside(importlib.abc.MetaPathFinder):
    """Modules that were loaded and taken out of `sys.modules`; on `sys.meta_path` it gives them back."""

    def __init__(self) -> None:
        self.modules: dict[str, ModuleType] = {}
        self._brought: Mapping[str, Sequence[str]] = {}
        """By the name of a module: what its import had brought along, in order."""

    def load(self, names: Sequence[str]) -> None:
        """Import these modules, then forget that they were; what cannot be imported is left out."""
        before = set(sys.modules)
        with _noting_what_comes_along() as brought:
            for name in names:
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
        self._brought = brought
        for name in [name for name in sys.modules if name not in before]:
            self.modules[name] = sys.modules.pop(name)
        for name, module in self.modules.items():
            _unbind(name, module)
        sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module that was set aside, with a loader that gives it back."""
        spec = getattr(self.modules.get(fullname), "__spec__", None)
        if spec is None or spec.name != fullname:
            # nobody set it aside, or another module had put it there: that one brings it along
            return None
        kept: ModuleSpec = copy.copy(spec)
        kept.loader = _GivingBack(self, spec)
        return kept

    def take(self, name: str) -> ModuleType:
        """The module, which is aside no longer, and with it all that its import had brought along."""
        for other in self._brought.get(name, ()):
            module = self.modules.pop(other, None)
            if module is not None and other not in sys.modules:
                sys.modules[other] = module
                _bind(other, module)
        return self.modules.pop(name)


def come_first() -> None:
    """Let what was set aside be found before a session's own finders: pytest's would load plugins again."""
    for finder in [finder for finder in sys.meta_path if isinstance(finder, SetAside)]:
        sys.meta_path.remove(finder)
        sys.meta_path.insert(0, finder)


class _GivingBack(importlib.abc.Loader):
    """Gives a loaded module back instead of running its code again; all else its own loader answers."""

    def __init__(self, aside: SetAside, spec: ModuleSpec) -> None:
        self._aside, self._spec = aside, spec

    def __getattr__(self, name: str) -> Any:
        return getattr(self._spec.loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._aside.take(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


class _Noting(importlib.abc.MetaPathFinder):
    """Finds nothing itself: lets the loader that another finder gives note what comes along."""

    def __init__(self) -> None:
        self.brought: dict[str, Sequence[str]] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec: ModuleSpec | None = find(fullname, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _NotingLoader(self, spec.loader)
                return spec
        return None


class _NotingLoader(importlib.abc.Loader):
    """Loads as the real loader does, which takes its place again."""

    def __init__(self, notes: _Noting, real: Any) -> None:
        self._notes, self._real = notes, real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._real.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        module.__loader__ = self._real
        if module.__spec__ is not None:
            module.__spec__.loader = self._real
        before = set(sys.modules)
        self._real.exec_module(module)
        self._notes.brought[name] = [other for other in sys.modules if other not in before]


@contextlib.contextmanager
def _noting_what_comes_along() -> Iterator[Mapping[str, Sequence[str]]]:
    finder = _Noting()
    sys.meta_path.insert(0, finder)
    try:
        yield finder.brought
    finally:
        sys.meta_path.remove(finder)


def _unbind(name: str, module: ModuleType) -> None:
    """Take a module out of its package, where that stays."""
    package, _, own_name = name.rpartition(".")
    owner = sys.modules.get(package)
    if owner is not None and vars(owner).get(own_name) is module:
        delattr(owner, own_name)


def _bind(name: str, module: ModuleType) -> None:
    """Put a module into its package, as its import did."""
    package, _, own_name = name.rpartition(".")
    owner = sys.modules.get(package)
    if owner is not None:
        setattr(owner, own_name, module)

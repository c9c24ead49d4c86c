"""Treatment: import the suite's packages from another checkout than the one that is installed.

An editable installation leads to the user's tree, wherever pytest runs. Import paths, editable finders and
links that lead there are turned to the same place in the other checkout, before a conftest is imported. What
was imported from the user's tree all the same is written down: then the run says nothing of the other one.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from triage.instruments.base import Writer, beneath, settings

_OWN = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep
"""The package of triage itself: it may be what is under test, and then runs from where it is installed."""
_FINDER_PREFIX = "__editable__"
"""How setuptools names the modules of its editable finders."""


class _Checkouts:
    """The user's tree, and the tree that shall be imported in its place."""

    def __init__(self, source: str, target: str) -> None:
        self.source = os.path.realpath(source)
        self.target = os.path.realpath(target)

    def leads_to_source(self, path: str) -> str | None:
        """The path relative to the user's tree, where it lies there and belongs to the suite."""
        real = os.path.realpath(path)
        if real == self.source:
            return "."
        if f"{real}{os.sep}".startswith((self.target + os.sep, _OWN, *_interpreter_folders())):
            return None
        return beneath(self.source, real)

    def moved(self, path: str) -> str:
        """The same place in the other tree; a path that leads elsewhere stays as it is."""
        relative = self.leads_to_source(path) if path else None
        return path if relative is None else os.path.normpath(os.path.join(self.target, relative))


def _interpreter_folders() -> tuple[str, ...]:
    """An environment inside of the user's tree is no part of the suite."""
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix}
    return tuple(os.path.realpath(prefix).rstrip(os.sep) + os.sep for prefix in prefixes)


def redirect(checkouts: _Checkouts) -> list[str]:
    """Turn every way that leads to the user's tree; return the folders that are imported from instead."""
    turned = []
    for index, entry in enumerate(sys.path):
        other = checkouts.moved(entry)
        if other != entry:
            sys.path[index] = other
            turned.append(other)
    for finder in [module for name, module in sys.modules.items() if name.startswith(_FINDER_PREFIX)]:
        turned += _redirect_finder(finder, checkouts)
    linked = [folder for folder in _linked_packages(checkouts) if folder not in sys.path]
    sys.path[:0] = linked
    turned += linked
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()
    return list(dict.fromkeys(turned))


def _redirect_finder(finder: Any, checkouts: _Checkouts) -> Iterator[str]:
    """Turn the tables of one of setuptools' finders: package to folder, namespace to folders."""
    packages = getattr(finder, "MAPPING", None)
    if isinstance(packages, dict):
        for name, path in packages.items():
            packages[name] = checkouts.moved(path)
            if packages[name] != path:
                yield os.path.dirname(packages[name])
    namespaces = getattr(finder, "NAMESPACES", None)
    if isinstance(namespaces, dict):
        for name, paths in namespaces.items():
            namespaces[name] = [checkouts.moved(path) for path in paths]


def _linked_packages(checkouts: _Checkouts) -> Iterator[str]:
    """Folders of the other tree with packages that the environment has as links into the user's tree."""
    for folder in list(sys.path):
        if not folder.endswith(("site-packages", "dist-packages")) or not os.path.isdir(folder):
            continue
        for entry in os.scandir(folder):
            if entry.is_symlink() and checkouts.leads_to_source(entry.path) is not None:
                yield os.path.dirname(checkouts.moved(entry.path))


def _hand_on(folders: list[str]) -> None:
    """Let Python processes that tests start import from the same tree."""
    if folders:
        own = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([*folders, *([own] if own else [])])


def foreign_files(checkouts: _Checkouts) -> list[str]:
    """Files of the user's tree that are imported in this process, relative to it."""
    found = set()
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        relative = checkouts.leads_to_source(path) if isinstance(path, str) else None
        if relative is not None:
            found.add(relative)
    return sorted(found)


_SETTINGS = settings("checkout")
_CHECKOUTS = _Checkouts(_SETTINGS["from"], _SETTINGS["to"]) if _SETTINGS else None
if _CHECKOUTS is not None:
    _hand_on(redirect(_CHECKOUTS))


def _write_down() -> None:
    if _CHECKOUTS is not None:
        Writer("checkout").write("imported", files=foreign_files(_CHECKOUTS))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Write down what collection imported: the process may die in a test."""
    _write_down()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Write down what the tests imported as well."""
    _write_down()

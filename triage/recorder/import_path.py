"""Find what a suite can import only because `python -m pytest` puts its root on the import path.

`pytest` itself does not: there a suite in which the product lies beside its tests may fail to import it.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

_MOST_NAMED = 3


def hints_on_root(config: Any, items: Iterable[Any]) -> list[str]:
    """Say in one line what `pytest` would not find; nothing where it finds everything."""
    try:
        names = only_by_root(config, items)
    except Exception:
        # whatever a suite has put into `sys.path`, a hint is no reason to fail
        return []
    if not names:
        return []
    shown = ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")
    hint = (
        f"{shown}: found only because `python -m pytest` puts the root on the import path,"
        ' which `pytest` does not (pytest-command = "pytest" runs the suite as it does)'
    )
    return [hint]


def only_by_root(config: Any, items: Iterable[Any]) -> list[str]:
    """Names of imported modules and packages of the root that nothing else makes importable."""
    root = os.path.realpath(str(config.invocation_params.dir))
    entries = [os.path.realpath(entry or os.curdir) for entry in sys.path]
    # more than once: PYTHONPATH, an editable install or pytest's `pythonpath` has it too
    if entries.count(root) != 1 or _pytest_adds(root, config, items):
        return []
    others = [entry for entry, real in zip(sys.path, entries, strict=True) if real != root]
    return sorted(name for name in _imported_from(root) if not _found_elsewhere(name, others))


def _pytest_adds(root: str, config: Any, items: Iterable[Any]) -> bool:
    """Whether pytest puts the root on the path itself, for a test file or a conftest.py that lies there."""
    if config.getoption("importmode", "prepend") == "importlib":
        return False
    plugins = config.pluginmanager.get_plugins()
    files = {str(getattr(plugin, "__file__", None) or "") for plugin in plugins}
    paths = {path for path in files if os.path.basename(path) == "conftest.py"}
    paths |= {str(item.path) for item in items if hasattr(item, "path")}
    return any(_folder_on_path(path) == root for path in paths)


def _folder_on_path(path: str) -> str:
    """The folder that pytest puts on the path for a file: the first one above it that is no package."""
    folder = os.path.dirname(os.path.realpath(path))
    while os.path.exists(os.path.join(folder, "__init__.py")) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return folder


def _imported_from(root: str) -> Iterator[str]:
    """Top-level modules and packages that lie directly in the root."""
    real_folders: dict[str, str] = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if "." in name or name == "__main__" or not isinstance(file, str):
            continue
        if os.path.islink(file):
            file = os.path.realpath(file)
        folder = os.path.dirname(file)
        # hundreds of modules lie in a few folders, and each part of a path is a question to the system
        if folder not in real_folders:
            real_folders[folder] = os.path.realpath(folder)
        place = real_folders[folder]
        if os.path.basename(file) == "__init__.py":
            place = os.path.dirname(place)
        if place == root:
            yield name


def _found_elsewhere(name: str, entries: list[str]) -> bool:
    """Whether a module can be imported without the root: from other folders, or by an editable install."""
    if importlib.machinery.PathFinder.find_spec(name, entries) is not None:
        return True
    for finder in sys.meta_path:
        kind = finder if isinstance(finder, type) else type(finder)
        # the path's own finder was asked, and pytest's asks it
        if kind.__name__ in ("PathFinder", "AssertionRewritingHook") or not hasattr(finder, "find_spec"):
            continue
        try:
            if finder.find_spec(name, None) is not None:
                return True
        except Exception:
            continue
    return False

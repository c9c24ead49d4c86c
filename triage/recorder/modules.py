"""Note for a warm parent which modules of libraries a session imports, during its collection and later.

The order of the imports is kept, and with it where the suite changed a variable in between: what is imported
behind that may have read it. Modules of the suite, of the recorder and of instruments are none of a library.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_OWN_VARIABLES = ("PYTEST_", "TRIAGE_")
"""Beginnings of variables that pytest and the recorder set themselves."""
_STARTED_EARLY = ("sitecustomize", "usercustomize")
"""Modules that Python imports when it starts, wherever they lie."""


@dataclass
class ModuleNotes:
    """What is known of the imports of this process, from the moment on in which this was made."""

    path: str
    """Where the notes are written."""
    changes: list[tuple[int, str, str | None]] = field(default_factory=list)
    """Variables that were set (None: removed): how many modules there were, name, value."""

    before_collection: int = 0
    """How many modules there were when collection began."""
    before_tests: int | None = None
    """How many there were when it was over; None until then."""
    before_end: int | None = None
    """How many there were behind the last test; None until then."""
    _libraries: tuple[str, ...] = ()
    _begun: dict[str, int] = field(default_factory=dict)
    """Modules in the order in which their import began; in `sys.modules` an importer stands behind what it
    imports."""

    def watch(self) -> None:
        """Begin to note changes of the environment; an audit hook stays for the life of the process."""
        self._libraries = library_folders()
        sys.addaudithook(self._audit)

    def begin_collection(self) -> None:
        """Note where collection begins: what acts at that moment acts on modules that are imported in it."""
        self.before_collection = len(sys.modules)

    def end_collection(self) -> None:
        """Note what has been imported until the tests begin; a session that dies of a test leaves that."""
        self.before_tests = len(sys.modules)
        self._write()

    def end_tests(self) -> None:
        """Note where the session begins to end."""
        self.before_end = len(sys.modules)

    def end_session(self) -> None:
        """Note what has been imported since the tests began."""
        self._write()

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "import":
            self._begun.setdefault(arguments[0], len(self._begun))
        elif event == "os.putenv":
            self._change(os.fsdecode(arguments[0]), os.fsdecode(arguments[1]))
        elif event == "os.unsetenv":
            self._change(os.fsdecode(arguments[0]), None)

    def _change(self, name: str, value: str | None) -> None:
        if name.startswith(_OWN_VARIABLES) or os.environ.get(name) == value:
            return
        # a library that is imported beforehand sets its own variables there too
        if not _setter().startswith(self._libraries):
            self.changes.append((len(sys.modules), name, value))

    def _write(self) -> None:
        names = list(sys.modules)
        libraries = _names_of_libraries()
        collected = names[self.before_collection : self.before_tests]
        notes = {
            "steps": self._steps(libraries),
            "collected": [name for name in collected if name in libraries],
            "later": [name for name in self._imported_later(names) if name in libraries],
            "early": _early_strangers(),
        }
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(json.dumps(notes))

    def _steps(self, libraries: set[str]) -> list[Any]:
        """Names of modules in order, and changes as pairs [name, value], until collection was over."""
        steps: list[Any] = []
        waiting = list(self.changes)
        for number, name in enumerate(list(sys.modules)[: self.before_tests]):
            while waiting and waiting[0][0] <= number:
                _, variable, value = waiting.pop(0)
                steps.append([variable, value])
            if name in libraries:
                steps.append(name)
        return steps

    def _imported_later(self, names: list[str]) -> list[str]:
        """Modules that were imported behind the collection and may be loaded before it, importers first.

        Where a test has changed a variable, an import behind that may have read it. How a session ends
        decides no outcome any more.
        """
        if self.before_tests is None or self.before_end is None:
            return []
        changed_at = [place for place, _, _ in self.changes if place >= self.before_tests]
        until = min([self.before_end, *changed_at])
        later = names[self.before_tests : until] + names[self.before_end :]
        return sorted(later, key=lambda name: self._begun.get(name, len(self._begun)))


def _setter() -> str:
    """The file of the code that changes the environment now."""
    frame = sys._getframe(3)
    while frame.f_back is not None and frame.f_globals.get("__name__") in ("os", "collections.abc"):
        frame = frame.f_back
    return os.path.realpath(frame.f_code.co_filename)


def library_folders() -> tuple[str, ...]:
    """Folders of Python's library and of installed packages."""
    paths: Mapping[str, str] = sysconfig.get_paths()
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple({os.path.join(os.path.realpath(paths[name]), "") for name in names})


def _names_of_libraries() -> set[str]:
    """Names under which modules of libraries are imported."""
    folders = library_folders()
    paths = _RealPaths()
    return {
        name for name, module in list(sys.modules.items()) if _is_of_library(name, module, folders, paths)
    }


class _RealPaths:
    """Paths without symbolic links; each folder is resolved once, for hundreds of modules lie in few."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def of(self, path: str) -> str:
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        real = os.path.join(self._folders[folder], name)
        return os.path.realpath(real) if os.path.islink(real) else real


def _is_of_library(name: str, module: Any, folders: tuple[str, ...], paths: _RealPaths) -> bool:
    """Whether a module was found by its own name, in a library."""
    spec = getattr(module, "__spec__", None)
    if spec is None or spec.name != name or name.partition(".")[0] in ("__main__", "triage", *_STARTED_EARLY):
        return False
    if spec.origin in ("built-in", "frozen"):
        return True
    return isinstance(spec.origin, str) and paths.of(spec.origin).startswith(folders)


def _early_strangers() -> list[str]:
    """Modules of the suite that Python itself imports when it starts."""
    folders = library_folders()
    found = []
    for name in _STARTED_EARLY:
        path = getattr(sys.modules.get(name), "__file__", None)
        if path and not _lies_in(path, folders):
            found.append(name)
    return found


def _lies_in(path: str, folders: tuple[str, ...]) -> bool:
    """Whether a file is found in one of these folders, wherever a link leads from there.

    The sitecustomize.py of Debian's Python is a link to a file below /etc.
    """
    folder = os.path.realpath(os.path.dirname(path))
    return os.path.join(folder, "").startswith(folders)

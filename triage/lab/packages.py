"""Other versions of packages for single runs, installed once into folders of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path

from triage.errors import VoidError
from triage.process.packages import install

_LINK_FOLDERS = ("wheels", "wheelhouse", "vendor", "dist", "packages", ".")
"""Folders of the suite where projects keep wheels and source archives."""
_LONGEST_NAME = 150
"""Characters of a folder's name; file systems allow 255 bytes."""


@dataclass(frozen=True)
class PackageFolder:
    """Where the packages of a setup lie, and what pip said of those that it refused."""

    path: Path
    refusals: tuple[str, ...]


class PackageFolders:
    """The folders that were made so far; each set of packages is installed once, from one thread."""

    def __init__(self, parent: Path, python: str | None, report: Callable[[str], None]) -> None:
        """`report` takes each refusal once, as a line for people."""
        self._report = report
        self._parent = parent
        self._python = python
        self._made: dict[str, PackageFolder] = {}
        self._lock = threading.Lock()

    def get(self, packages: Mapping[str, str], tree: Path, seconds: float = inf) -> PackageFolder | None:
        """The folder with these packages (name to version); None for none.

        `tree` is the suite, whose own wheels and archives are tried before a network is. `seconds` are left
        for all of it.
        """
        if not packages:
            return None
        name = "-".join(f"{package}={version}" for package, version in sorted(packages.items()))
        with self._lock:
            if name not in self._made:
                path = self._parent / name.replace("/", "_")[:_LONGEST_NAME]
                self._made[name] = PackageFolder(path, self._install(packages, path, tree, seconds))
            return self._made[name]

    def _install(
        self, packages: Mapping[str, str], path: Path, tree: Path, seconds: float
    ) -> tuple[str, ...]:
        """Install each package for itself: one that nobody has does not keep the others away."""
        links = [folder for name in _LINK_FOLDERS if (folder := tree / name).is_dir()]
        refusals = []
        for package, version in packages.items():
            try:
                install({package: version}, path, python=self._python, links=links, seconds=seconds)
            except VoidError as error:
                self._report(str(error))
                refusals.append(error.what)
        return tuple(refusals)

"""Make the absolute paths that a report names relative to the project, wherever it was checked out."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from posixpath import commonpath, normpath
from urllib.parse import unquote, urlsplit

from triage.model.failure import beneath, posix
from triage.text.pattern import pattern

_ABSOLUTE = pattern(
    r"/ (?! / ) \S | [A-Za-z]:/ | file://",
    matches=["/srv/shop/test/cart.js", "C:/shop/cart.js", "file:///srv/a.js"],
    rejects=["test/cart.js", "a: b", "/", "// a comment"],
    how="match",
)
_CONVENTIONAL_FOLDERS = frozenset(
    {"__tests__", "e2e", "integration", "lib", "spec", "specs", "src", "test", "tests", "unit"}
)
"""Folders within a project: where all files of a report lie in one of them, the project is above it."""
_LONGEST_PATH = 4096


class ProjectPaths:
    """Finds what lies before a project's own paths on the machine that wrote the report."""

    def __init__(self, root: str | None, is_file: Callable[[str], bool] | None) -> None:
        self._root = root
        self._is_file = cache(is_file) if is_file is not None else None
        self._folders: dict[str, None] = {}
        self._top: str | None = None

    def observe(self, text: str) -> None:
        """Take note of a path, where the text is an absolute one."""
        if _is_absolute(text):
            self._folders[_plain(text).rpartition("/")[0]] = None
            self._top = None

    def relative(self, text: str) -> str:
        """The path relative to the project; a text that is no absolute path stays as it is."""
        if not _is_absolute(text):
            return text
        path = _plain(text)
        near = beneath(path, self._root)
        if near != path:
            return near
        return self._as_a_file_here(path) or beneath(path, self._common_top()) or path

    def _as_a_file_here(self, path: str) -> str | None:
        """The longest end of the path that is a file beneath the root."""
        if self._is_file is None:
            return None
        parts = path.strip("/").split("/")
        for start in range(1, len(parts)):
            end = "/".join(parts[start:])
            if self._is_file(end):
                return end
        return None

    def _common_top(self) -> str:
        """The folder that all observed paths lie beneath, above what projects call their folders."""
        if self._top is None:
            try:
                top = commonpath(self._folders)
            except ValueError:  # none, or paths of two drives
                top = ""
            while top.rpartition("/")[2] in _CONVENTIONAL_FOLDERS:
                top = top.rpartition("/")[0]
            self._top = top
        return self._top


def _is_absolute(text: str) -> bool:
    return len(text) <= _LONGEST_PATH and _ABSOLUTE.match(posix(text)) is not None


def _plain(text: str) -> str:
    path = unquote(urlsplit(text).path) if text.startswith("file://") else text
    return normpath(posix(path)) if ".." in path else posix(path)

"""Whose code a traceback's path is: the project's, its tests', or a library's. Judged from the path alone."""

from __future__ import annotations

import re
from typing import Literal

Origin = Literal["product", "test", "library", "unknown"]

_LIBRARY = re.compile(
    r"(?:^|/)(?:site-packages|dist-packages|\.venv|venv|\.tox|\.nox|node_modules|\.pixi)/"
    r"|(?:^|/)lib(?:64)?/(?:python|pypy)\d[\d.]*/"
    r"|^<frozen |^<string>|^<stdin>|^<__array_function__|^<attrs generated|/_pytest/|/pluggy/"
)
_TEST_NAME = re.compile(r"(?:test_[^/]*|[^/]*_tests?|conftest|tests?)\.py")
_TEST_FOLDERS = frozenset({"test", "tests", "testing", "unittests", "integration_tests"})


def posix(path: str) -> str:
    """The path with forward slashes and without a leading `./`."""
    slashed = path.replace("\\", "/")
    return slashed.removeprefix("./")


def beneath(path: str, root: str | None) -> str:
    """The path relative to `root` where it lies beneath it, else as it is."""
    path = posix(path)
    if root and path.startswith(root.rstrip("/") + "/"):
        return path[len(root.rstrip("/")) + 1 :]
    return path


def is_test(path: str) -> bool:
    """Whether a path relative to the project is a test, a conftest or a helper beneath a test folder."""
    *folders, name = posix(path).split("/")
    return bool(_TEST_NAME.fullmatch(name)) or not _TEST_FOLDERS.isdisjoint(folders)


def origin_of(path: str, root: str | None = None) -> Origin:
    """Origin of a frame; a path that is absolute and not beneath `root` is somebody else's code."""
    near = beneath(path, root)
    if _LIBRARY.search(near) or near.startswith("<"):
        return "library"
    if near.startswith("/") or re.match(r"[A-Za-z]:/", near):
        return "library" if root else "unknown"
    if near.startswith("../"):
        return "library"
    return "test" if is_test(near) else "product"

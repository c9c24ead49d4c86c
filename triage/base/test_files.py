"""Tell the files of tests from those of the product, by where the collected tests lie."""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from triage.config import ROOT_MARKS
from triage.text.pattern import pattern

_TEST_FOLDER = pattern(
    r"(.+_)? (tests?|testing|specs?) (_.+)?",
    how="fullmatch",
    matches=["tests", "test", "unit_tests", "tests_slow", "spec"],
    rejects=["contest", "latest", "src", "testdata"],
)
"""Names of folders that hold tests and what they need. Only such a folder above a collected test counts:
`django/test` is a product."""
_CONFTEST = "conftest.py"
_CACHES = frozenset({"__pycache__", ".pytest_cache", ".hypothesis"})
"""Where nobody told git to ignore them."""


class TestFileRule:
    """Which files of a tree belong to its tests."""

    __test__ = False

    def __init__(self, modules: Iterable[str]) -> None:
        """`modules` are the files with collected tests, relative to the suite's root."""
        self._modules = frozenset(modules)
        self._folders = frozenset(
            str(folder) for module in self._modules for folder in _test_folders_above(module)
        )

    def __call__(self, path: str) -> bool:
        """Whether a file, relative to the suite's root, is a test, or support or configuration of tests."""
        pure = PurePosixPath(path)
        if _CACHES & set(pure.parts):
            return False
        if path in self._modules or pure.name == _CONFTEST or path in ROOT_MARKS:
            return True
        return any(str(folder) in self._folders for folder in pure.parents)


def _test_folders_above(module: str) -> list[PurePosixPath]:
    return [folder for folder in PurePosixPath(module).parents if _TEST_FOLDER.fullmatch(folder.name)]


def same_for_tests(one: Path, other: Path) -> bool:
    """Whether two files are the same to tests; of a project's configuration only pytest's part counts."""
    try:
        if one.read_bytes() == other.read_bytes():
            return True
        return one.name in ROOT_MARKS and _pytest_part(one) == _pytest_part(other)
    except (OSError, ValueError, configparser.Error):
        return False


def _pytest_part(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".toml":
        return tomllib.loads(text).get("tool", {}).get("pytest")
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    return {name: dict(parser[name]) for name in ("pytest", "tool:pytest") if parser.has_section(name)}

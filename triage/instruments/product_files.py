"""Tell the product's source files from tests, libraries and generated code, inside the process under test."""

from __future__ import annotations

import functools
import os

from triage.instruments.base import beneath

_TEST_FOLDERS = frozenset({"test", "tests", "testing", "unittests", "integration_tests"})
_TEST_MODULES = frozenset({"conftest.py", "test.py", "tests.py"})


@functools.lru_cache(maxsize=8192)
def product_path(root: str, path: str) -> str | None:
    """Return a source file relative to the root (posix) where it is the product's, else None.

    The product is what lies beneath the root and is no test, no conftest, no helper in a folder of tests and
    no installed package.
    """
    relative = _suite_path(root, path)
    return None if relative is None or is_test_file(relative) else relative


@functools.lru_cache(maxsize=8192)
def test_path(root: str, path: str) -> str | None:
    """Return a source file relative to the root (posix) where it is one of the tests, else None."""
    relative = _suite_path(root, path)
    return relative if relative is not None and is_test_file(relative) else None


def _suite_path(root: str, path: str) -> str | None:
    if path.startswith("<"):
        return None  # code made from text: by exec, attrs, dataclasses
    return beneath(root, os.path.abspath(path))


def is_test_file(relative: str) -> bool:
    """Whether a path relative to the root is of the tests; agrees with `triage.model.failure.is_test`."""
    *folders, name = relative.split("/")
    if not _TEST_FOLDERS.isdisjoint(folders) or name in _TEST_MODULES:
        return True
    stem, extension = os.path.splitext(name)
    return extension == ".py" and (stem.startswith("test_") or stem.endswith(("_test", "_tests")))

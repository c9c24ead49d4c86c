"""Meter: record which data files of the project a test reads (source, configuration and caches apart)."""

from __future__ import annotations

import os
from typing import Any

import pytest

from triage.instruments.audit import (
    listen,
    opens_for_writing,
    pytest_runtest_logfinish,
    pytest_runtest_logstart,
    running,
)
from triage.instruments.base import Writer, beneath

__all__ = ["pytest_runtest_logfinish", "pytest_runtest_logstart", "pytest_sessionstart"]

_ROOT = os.getcwd()
_WRITER = Writer("reads")
_NO_DATA = (".py", ".pyc", ".pyi", ".so", ".toml", ".ini", ".cfg", ".lock", ".md", ".rst", ".tmp")
_seen: set[str] = set()


def _take(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open":
        return
    path, mode, flags = arguments
    if not isinstance(path, str | bytes | os.PathLike) or opens_for_writing(mode, flags):
        return
    relative = beneath(_ROOT, os.path.abspath(os.fsdecode(path)))
    if relative is None or relative in _seen or _is_no_data(relative):
        return
    _seen.add(relative)
    _WRITER.write("read", path=relative, nodeid=running[-1])


def _is_no_data(path: str) -> bool:
    is_hidden = path.startswith(".") or "/." in path
    return is_hidden or path.endswith(_NO_DATA) or "__pycache__" in path


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Begin to listen."""
    listen(_take)

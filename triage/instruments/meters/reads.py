"""Meter: record which data files of the project a test reads (source, configuration and caches apart)."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from triage.instruments.base import Writer, beneath

_ROOT = os.getcwd()
_WRITER = Writer("reads")
_NO_DATA = (".py", ".pyc", ".pyi", ".so", ".toml", ".ini", ".cfg", ".lock", ".md", ".rst", ".tmp")
_seen: set[str] = set()
_running: list[str] = []
"""The test that runs; empty outside of tests."""
_busy: list[str] = []
"""Not empty while a line is written, which opens a file too."""


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not _running or _busy:
        return
    path, mode, flags = arguments
    if not isinstance(path, str | bytes | os.PathLike) or _writes(mode, flags):
        return
    relative = beneath(_ROOT, os.path.abspath(os.fsdecode(path)))
    if relative is None or relative in _seen or _is_no_data(relative):
        return
    _seen.add(relative)
    _busy.append(relative)
    try:
        _WRITER.write("read", path=relative, nodeid=_running[-1])
    finally:
        _busy.clear()


def _writes(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str) and set(mode) & set("wax+"):
        return True
    # `os.open` has flags instead of a mode
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def _is_no_data(path: str) -> bool:
    is_hidden = path.startswith(".") or "/." in path
    return is_hidden or path.endswith(_NO_DATA) or "__pycache__" in path


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Install the hook, which cannot be removed again: it does nothing outside of tests."""
    sys.addaudithook(_audit)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logstart(nodeid: str) -> None:
    """Ascribe what is opened from now on to this test."""
    _running.append(nodeid)


@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish(nodeid: str) -> None:
    """Ascribe what is opened from now on to no test."""
    _running.clear()

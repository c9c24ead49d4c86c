"""Meter: data files of the project that a test reads (source, configuration and caches apart)."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from triage.instruments.base import Writer, beneath

_ROOT = os.getcwd()
_WRITER = Writer("reads")
_CODE = (".py", ".pyc", ".pyi", ".so", ".toml", ".ini", ".cfg", ".lock", ".md", ".rst", ".tmp")
_seen: set[str] = set()
_running: list[str] = []
_busy: list[str] = []
"""Set while a line is written: that opens a file too."""


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not _running or _busy:
        return
    path, mode, flags = arguments
    if not isinstance(path, str | bytes | os.PathLike) or _writes(mode, flags):
        return
    place = beneath(_ROOT, os.path.abspath(os.fsdecode(path)))
    if place is None or place in _seen or _is_no_data(place):
        return
    _seen.add(place)
    _busy.append(place)
    try:
        _WRITER.write("read", path=place, nodeid=_running[-1])
    finally:
        _busy.clear()


def _writes(mode: Any, flags: Any) -> bool:
    named = isinstance(mode, str) and bool(set(mode) & set("wax+"))
    return named or (isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR)))


def _is_no_data(place: str) -> bool:
    return place.endswith(_CODE) or place.startswith(".") or "/." in place or "__pycache__" in place


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """An audit hook cannot be taken off again: it stays quiet outside of tests."""
    sys.addaudithook(_audit)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logstart(nodeid: str) -> None:
    """From here on opens belong to this test."""
    _running.append(nodeid)


@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish(nodeid: str) -> None:
    """Opens belong to nobody again."""
    _running.clear()

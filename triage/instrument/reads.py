"""Meter: data files of the project that a test reads (source, configuration and caches apart)."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from triage.instrument.base import Writer, beneath

_ROOT = os.getcwd()
_WRITER = Writer("reads")
_CODE = (".py", ".pyc", ".pyi", ".so", ".toml", ".ini", ".cfg", ".lock", ".md", ".rst", ".tmp")
_seen: set[str] = set()
_running: list[str] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not _running:
        return
    path, mode = arguments[0], arguments[1]
    if not isinstance(path, str | bytes | os.PathLike) or (isinstance(mode, str) and set(mode) & set("wax+")):
        return
    place = beneath(_ROOT, os.path.abspath(os.fsdecode(path)))
    hidden = place is None or place.endswith(_CODE) or place.startswith(".") or "/." in place
    if hidden or place in _seen or "__pycache__" in str(place):
        return
    _seen.add(str(place))
    _WRITER.write("read", path=place, nodeid=_running[-1])


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

"""Treatment: raise the limits of the process, or leave it few file descriptors.

Settings: {"nofile": any value} raises the soft limit to the hard one (likewise memory, stack, filesize,
processes and core), {"recursion": N} sets the limit of recursion, {"frozen": true} keeps the suite's own
code from lowering any again; {"descriptors": N} leaves so few file descriptors.
"""

from __future__ import annotations

import resource
import sys
from typing import Any

import pytest

from triage.instruments.base import settings

_SETTINGS = settings("limits")
_LIMITS = {
    "nofile": resource.RLIMIT_NOFILE,
    "memory": resource.RLIMIT_AS,
    "stack": resource.RLIMIT_STACK,
    "filesize": resource.RLIMIT_FSIZE,
    "processes": resource.RLIMIT_NPROC,
    "core": resource.RLIMIT_CORE,
}


def _raise_soft(name: str) -> None:
    _, hard = resource.getrlimit(_LIMITS[name])
    try:
        resource.setrlimit(_LIMITS[name], (hard, hard))
    except (ValueError, OSError):
        return


def _apply() -> None:
    for name in _LIMITS:
        if name in _SETTINGS:
            _raise_soft(name)
    if "descriptors" in _SETTINGS:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(_SETTINGS["descriptors"]), hard))
    if "recursion" in _SETTINGS:
        sys.setrecursionlimit(int(_SETTINGS["recursion"]))


def _ignored(*arguments: Any) -> None:
    """Do nothing, in the place of `setrlimit` and `setrecursionlimit`."""


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Raise them before the suite's own code can lower any."""
    _apply()
    if _SETTINGS.get("frozen"):
        resource.setrlimit = _ignored
        sys.setrecursionlimit = _ignored


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Raise them again before each test."""
    if not _SETTINGS.get("frozen"):
        _apply()

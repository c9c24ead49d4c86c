"""Treatment: the limits of the process. Settings: {"nofile": "hard"}, {"recursion": N}, {"frozen": true} so
that the suite's own code cannot lower them again, {"memory": "unlimited"}.
"""

from __future__ import annotations

import resource
import sys
from typing import Any

import pytest

from triage.instruments.base import settings

_SETTINGS = settings("limits")
_SOFT = {"nofile": resource.RLIMIT_NOFILE, "memory": resource.RLIMIT_AS, "stack": resource.RLIMIT_STACK}
_SOFT |= {"filesize": resource.RLIMIT_FSIZE, "processes": resource.RLIMIT_NPROC, "core": resource.RLIMIT_CORE}


def _raise_soft(name: str) -> None:
    _, hard = resource.getrlimit(_SOFT[name])
    try:
        resource.setrlimit(_SOFT[name], (hard, hard))
    except (ValueError, OSError):
        return


def _apply() -> None:
    for name in _SOFT:
        if name in _SETTINGS:
            _raise_soft(name)
    if "recursion" in _SETTINGS:
        sys.setrecursionlimit(int(_SETTINGS["recursion"]))


def _ignored(*arguments: Any) -> None:
    """Stands for `setrlimit` and `setrecursionlimit` while limits are frozen."""


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Before the suite's own code can lower anything."""
    _apply()
    if _SETTINGS.get("frozen"):
        resource.setrlimit = _ignored
        sys.setrecursionlimit = _ignored


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """And before each test."""
    if not _SETTINGS.get("frozen"):
        _apply()

"""Treatment: a slow disk. Settings: {"seconds": N} that writing, moving or removing a file takes longer."""

from __future__ import annotations

import builtins
import io
import os
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

import pytest

from triage.instruments.base import settings

_SECONDS = float(settings("disk").get("seconds", 0.0))
_MOST = 10
"""Slow calls of one test: a suite that writes much must come to an end, too."""
_WRITES = frozenset("wax+")
_REPLACED = ("fsync", "replace", "rename", "mkdir", "unlink", "remove")
_left = 0


def _wait() -> None:
    global _left  # noqa: PLW0603 - counts what the present test may still wait
    if _left > 0:
        _left -= 1
        time.sleep(_SECONDS)


def _slow(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def called(*arguments: Any, **named: Any) -> Any:
        _wait()
        return function(*arguments, **named)

    return called


def _slow_open(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def opened(file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        if _WRITES & set(mode):
            _wait()
        return function(file, mode, *arguments, **named)

    return opened


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish() -> None:
    """Replace the functions behind the collection, which writes compiled modules."""
    if not _SECONDS:
        return
    builtins.open = io.open = _slow_open(open)
    for name in _REPLACED:
        setattr(os, name, _slow(getattr(os, name)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Any:
    """Only while the test itself runs: pytest's own files are no matter of it."""
    global _left  # noqa: PLW0603
    _left = _MOST
    try:
        return (yield)
    finally:
        _left = 0

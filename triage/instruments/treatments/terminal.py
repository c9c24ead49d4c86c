"""Treatment: say that standard input and output are a terminal. Settings: {"is": true}.

That is what a test finds where somebody runs `pytest -s` in a terminal, and not in CI.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from triage.instruments.base import settings

_IS_TERMINAL = bool(settings("terminal").get("is"))
_STANDARD = (0, 1, 2)
_SIZE = os.terminal_size((80, 24))
_isatty, _terminal_size = os.isatty, os.get_terminal_size


def _is_terminal(descriptor: int) -> bool:
    return descriptor in _STANDARD or _isatty(descriptor)


def _size(descriptor: int = 1) -> os.terminal_size:
    return _SIZE if descriptor in _STANDARD else _terminal_size(descriptor)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call() -> None:
    """Right before the test: pytest has put its own streams in place by then."""
    if not _IS_TERMINAL:
        return
    os.isatty, os.get_terminal_size = _is_terminal, _size
    for stream in (sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__):
        _say_so(stream)


def _say_so(stream: Any) -> None:
    """Some streams take no attribute: of those the functions of `os` speak alone."""
    try:
        stream.isatty = lambda: True
    except AttributeError:
        return

"""A pytest plugin that adds up how long a session imports; `engine` copies it into a folder of its own.

What a session has spent before the plugin is loaded is the start of Python and the imports of pytest: it
counts. Only the outermost import of each thread is timed. One file a session goes to the folder that the
variable names; a fork begins at zero, and what its parent spent the parent says itself.
"""

from __future__ import annotations

import builtins
import os
import threading
import time
from typing import Any

import pytest

VARIABLE = "ENGINE_IMPORTS"
_real = builtins.__import__
_depth = threading.local()
_spent = [time.process_time()]


def _timed(*words: Any, **named: Any) -> Any:
    if getattr(_depth, "inside", False):
        return _real(*words, **named)
    _depth.inside = True
    began = time.thread_time()
    try:
        return _real(*words, **named)
    finally:
        _spent.append(time.thread_time() - began)
        _depth.inside = False


builtins.__import__ = _timed


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Write how long this session has imported; a session that dies leaves nothing."""
    folder = os.environ.get(VARIABLE)
    if folder:
        with open(os.path.join(folder, f"{os.getpid()}.{time.monotonic_ns()}"), "w") as file:
            file.write(f"{sum(_spent):.6f}")

"""A pytest plugin that adds up how long a session imports; `engine` copies it into a folder of its own.

What a session has spent before the plugin is loaded is the start of Python and the imports of pytest: it
counts. Only the outermost import of each thread is timed. One file a session goes to the folder that the
variable names; a fork begins at zero, and what its parent spent the parent says itself.
"""

from __future__ import annotations

import builtins
import json
import os
import threading
import time
from typing import Any

import pytest

VARIABLE = "ENGINE_IMPORTS"
PROCESS = "ENGINE_PROCESS"
"""The number of the process; none in what a collected suite forks."""
_real = builtins.__import__
_depth = threading.local()
_spent = [time.process_time()]
os.register_at_fork(after_in_child=_spent.clear)


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
    """Write how long this session has imported and run; a session that dies leaves nothing."""
    folder = os.environ.get(VARIABLE)
    if folder:
        noted = {
            "process": os.environ.get(PROCESS),
            "imports": sum(_spent),
            "cpu": time.process_time(),
        }
        with open(os.path.join(folder, f"{os.getpid()}.{time.monotonic_ns()}"), "w") as file:
            json.dump(noted, file)

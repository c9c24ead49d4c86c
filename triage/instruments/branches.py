"""Go on with a running test in several child processes, each of which takes another branch.

What a test has computed so far is computed once for all branches. The children run one after another, so that
they meet outside of their memory what runs in one process would meet there. Standard library only.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Sequence

import pytest

_OWN_FIXTURES = ("_xunit_", "_unittest_", "request")
"""Beginnings of names of fixtures that pytest makes for every class or module."""
_POLL_SECONDS = 0.005
_monotonic, _sleep, _fork, _wait, _kill = time.monotonic, time.sleep, os.fork, os.waitpid, os.kill
"""Kept: tests replace them."""


class Branched(BaseException):
    """Ends the test in the process that has branched: its children went on with it."""


def may_branch(item: pytest.Item) -> bool:
    """Whether children of this process would be what it is: they have its memory, and one thread.

    Each child tears down what was set up once, so a test with fixtures of its own is always run as a whole.
    """
    names = getattr(item, "fixturenames", ())
    if any(not name.startswith(_OWN_FIXTURES) for name in names):
        return False
    if threading.active_count() > 1 or sys.platform != "linux":
        return False
    torch = sys.modules.get("torch")
    if torch is not None and (torch.get_num_threads() > 1 or torch.cuda.is_initialized()):
        return False  # the threads of its operations would be missing in a child
    asyncio = sys.modules.get("asyncio")
    return asyncio is None or asyncio._get_running_loop() is None


def branch(names: Sequence[str], seconds: float) -> tuple[str | None, list[str]]:
    """Fork once for each name. A child gets its name, and has to end by `os._exit(0)`.

    The parent gets None, and the names of the children that ended so; one that takes longer is killed.
    """
    ended: list[str] = []
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    for name in names:
        child = _fork()
        if child == 0:
            return name, []
        if _ends(child, _monotonic() + seconds):
            ended.append(name)
    return None, ended


def _ends(child: int, deadline: float) -> bool:
    """Wait for a child; whether it ended as it should."""
    while _monotonic() < deadline:
        pid, status = _wait(child, os.WNOHANG)
        if pid:
            return status == 0
        _sleep(_POLL_SECONDS)
    _kill(child, signal.SIGKILL)
    _wait(child, 0)
    return False

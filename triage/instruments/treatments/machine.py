"""Treatment: let Python report another number of cores or another free disk space, set the umask, or be busy.

Settings: {"cores": N}, {"free": bytes on the disk}, {"umask": bits that new files lack}, {"switch": seconds
between two switches of threads}, {"load": N} (so many processes that compute beside the tests).
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any

import pytest

from triage.instruments.base import settings
from triage.instruments.imports import when_imported

_SETTINGS = settings("machine")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Replace the functions before modules size their pools."""
    cores = _SETTINGS.get("cores")
    if cores is not None:
        os.cpu_count = lambda: int(cores)
        when_imported("multiprocessing", lambda module: setattr(module, "cpu_count", lambda: int(cores)))
        os.sched_getaffinity = lambda pid: set(range(int(cores)))
    free = _SETTINGS.get("free")
    if free is not None:
        usage = shutil.disk_usage
        kind: Any = type(usage("/"))
        shutil.disk_usage = lambda path: kind(int(free) * 2, int(free), int(free))

    if "switch" in _SETTINGS:
        sys.setswitchinterval(float(_SETTINGS["switch"]))
    for _ in range(int(_SETTINGS.get("load", 0))):
        _compute_beside()


def _compute_beside() -> None:
    """Fork a process that keeps a processor busy for as long as this one lives."""
    parent = os.getpid()
    if os.fork():
        return
    number = 0
    while os.getppid() == parent:
        for _ in range(100_000):
            number += 1
    os._exit(0)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Set the umask once the suite's own code is imported, which may have set it too."""
    if "umask" in _SETTINGS:
        os.umask(int(_SETTINGS["umask"]))

"""Treatment: let Python report another number of cores or another free disk space, or set the umask.

Settings: {"cores": N}, {"free": bytes on the disk}, {"umask": bits that new files lack}.
"""

from __future__ import annotations

import os
import shutil
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


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Set the umask once the suite's own code is imported, which may have set it too."""
    if "umask" in _SETTINGS:
        os.umask(int(_SETTINGS["umask"]))

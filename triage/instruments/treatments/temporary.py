"""Treatment: another temporary folder. Settings: {"name": its name, which may hold a blank}.

It lies in the one that the process was given, is empty at first, and is gone with the session.
"""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest

from triage.instruments.base import settings

_NAME = settings("temporary").get("name")
_MADE: list[str] = []


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Name it where the tests, and the processes that they start, look for it."""
    if _NAME is None:
        return
    folder = tempfile.mkdtemp(prefix=f"{_NAME} ")
    _MADE.append(folder)
    os.environ["TMPDIR"] = folder
    tempfile.tempdir = None  # Python keeps the folder once it has looked for it


def pytest_unconfigure() -> None:
    """Remove it with all that is in it."""
    while _MADE:
        shutil.rmtree(_MADE.pop(), ignore_errors=True)

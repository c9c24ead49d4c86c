"""Treatment: change the working directory. Settings: {"to": folder, relative to the root or absolute}."""

from __future__ import annotations

import os

import pytest

from triage.instruments.base import Writer, settings

_TO = settings("cwd").get("to")
_ROOT = os.getcwd()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Change it right before the test's own set-up."""
    if _TO is not None:
        try:
            os.chdir(os.path.join(_ROOT, _TO))
        except OSError as error:
            Writer("cwd").write("missed", missed=f"{_TO}: {error.strerror}")

"""Treatment: run scripts of the project before the tests. Settings: {"run": [paths relative to the root]}."""

from __future__ import annotations

import subprocess
import sys

import pytest

from triage.instruments.base import Writer, settings

_RUN = settings("prelude").get("run", ())
_TIMEOUT_SECONDS = 60


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Run each script in a process of its own; one that fails is recorded as missed."""
    for path in _RUN:
        shell = "sh" if str(path).endswith(".sh") else sys.executable
        try:
            done = subprocess.run(
                [shell, path],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT_SECONDS,
                check=False,
            )
            trouble = f"exit code {done.returncode}" if done.returncode else ""
        except (OSError, subprocess.SubprocessError) as error:
            trouble = str(error)
        if trouble:
            Writer("prelude").write("missed", missed=f"{path}: {trouble}")

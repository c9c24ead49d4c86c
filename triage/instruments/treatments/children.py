"""Treatment: let child processes that the test waits for come to their end.

Settings: {"drain": true} reads the pipes that nobody reads, {"answer": true} sends children that wait for
input some empty lines and its end.
"""

from __future__ import annotations

import contextlib
import threading
from types import ModuleType
from typing import Any

import pytest

from triage.instruments.base import settings
from triage.instruments.imports import when_imported

_DRAIN = bool(settings("children").get("drain"))
_ANSWER = bool(settings("children").get("answer"))
_EMPTY_LINES = b"\n" * 16
"""For a child that asks several questions."""


def _read_all(stream: Any) -> None:
    with contextlib.suppress(OSError, ValueError):
        while stream.read(65536):
            pass


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Before the author's code starts children."""
    if _DRAIN or _ANSWER:
        when_imported("subprocess", _patch)


def _patch(subprocess: ModuleType) -> None:
    """Act before `Popen.wait`: `communicate` reads the pipes itself."""
    real = subprocess.Popen.wait

    def wait(self: Any, timeout: float | None = None) -> int:
        if _ANSWER and self.stdin is not None and not self.stdin.closed:
            with contextlib.suppress(OSError, ValueError):
                getattr(self.stdin, "buffer", self.stdin).write(_EMPTY_LINES)
                self.stdin.close()
        if _DRAIN:
            for stream in (self.stdout, self.stderr):
                if stream is not None and not stream.closed:
                    threading.Thread(target=_read_all, args=(stream,), daemon=True).start()
        return int(real(self, timeout))

    subprocess.Popen.wait = wait

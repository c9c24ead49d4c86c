"""Meter: keep the line of the user's code that is running on disk, to tell what a dead process was doing.

One line of JSON is overwritten at each step, so that it survives `os._exit`, a signal and a kill.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from triage.instruments.base import authors, encoded, out_folder

_ROOT = os.getcwd()
_WIDTH = 4096
"""Bytes of the line: it is padded, so that a shorter one leaves nothing of a longer one."""
_MAX_FRAMES = 12
_file: int | None = None


def _trace(frame: FrameType, event: str, argument: Any) -> Any:
    if authors(_ROOT, frame.f_code.co_filename) is None:
        return None
    _write(frame)
    return _line


def _line(frame: FrameType, event: str, argument: Any) -> Any:
    if event == "line":
        _write(frame)
    return _line


def _write(frame: FrameType | None) -> None:
    if _file is None:
        return
    lines: list[str] = []
    while frame is not None and len(lines) < _MAX_FRAMES:
        file = authors(_ROOT, frame.f_code.co_filename)
        if file is not None:
            lines.append(f"{file}:{frame.f_lineno}")
        frame = frame.f_back
    text = encoded("at", frames=lines)
    padded = text[: _WIDTH - 1].ljust(_WIDTH - 1)
    os.pwrite(_file, padded.encode("ascii") + b"\n", 0)


def _begin() -> None:
    global _file  # noqa: PLW0603 - one file a process
    folder = out_folder()
    if folder is not None and _file is None:
        _file = os.open(Path(folder) / "lastline.jsonl", os.O_RDWR | os.O_CREAT, 0o644)
    threading.settrace(_trace)
    sys.settrace(_trace)


def _end() -> None:
    sys.settrace(None)
    threading.settrace(None)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Iterator[None]:
    """Trace the import of modules: some die there."""
    _begin()
    try:
        return (yield)
    finally:
        _end()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Trace set-up, call and teardown of each test."""
    _begin()
    try:
        return (yield)
    finally:
        _end()

"""Meter: the line of the user's code that is running, kept on disk: what a dead process was doing.

One line of JSON that is overwritten at each step, so it survives `os._exit`, a signal and a kill.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from triage.instruments.base import authors, out_folder

_ROOT = os.getcwd()
_WIDTH = 4096
_MOST_FRAMES = 12
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
    places: list[str] = []
    while frame is not None and len(places) < _MOST_FRAMES:
        place = authors(_ROOT, frame.f_code.co_filename)
        if place is not None:
            places.append(f"{place}:{frame.f_lineno}")
        frame = frame.f_back
    text = json.dumps({"event": "at", "frames": places})
    os.pwrite(_file, text[: _WIDTH - 1].ljust(_WIDTH - 1).encode("ascii") + b"\n", 0)


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
    """Modules that die when they are imported."""
    _begin()
    try:
        return (yield)
    finally:
        _end()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Set-up, call and tear-down of each test."""
    _begin()
    try:
        return (yield)
    finally:
        _end()

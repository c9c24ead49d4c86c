"""Meter: record what a hanging test waits for: its threads, the locks that they hold, its child processes.

Settings: {"after": seconds}. Locks that the author's code makes note who holds them and who waits for them.
When the time is up one line is written and the process ends; where C code holds the GIL, a debugger beside
the process writes its stacks.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from typing import Any

import pytest

from triage.instruments.base import Writer, authors, settings
from triage.instruments.processes import attach, children, waiting_in
from triage.instruments.treatments.locks import LOCKS, watch_locks

_ROOT = os.getcwd()
_WRITER = Writer("waits")
_AFTER = float(settings("waits").get("after", 0))
_SAMPLES = 8
_EXIT_CODE = 70
_STATE_CHARS = 2000
_STARTED_AT: dict[int, str] = {}
"""By the `id` of a thread: the author's line that started it."""
_WAITS_OF_FUNCTIONS = {
    "join": "the end of a thread",
    "_wait_for_tstate_lock": "the end of a thread",
    "accept": "a connection",
    "recv": "data of a connection",
    "readinto": "data of a connection",
    "wait": "a signal of another thread",
    "select": "an event",
    "poll": "an event",
    "run_forever": "an event",
    "result": "a future",
    "acquire": "a semaphore",
}
"""What a library function of this name waits for."""
_WAITS_OF_FILES = {
    "subprocess.py": "a child",
    "popen_fork.py": "a child",
    "queue.py": "an item of a queue or room in it",
}
"""What the functions of this library file wait for, whatever their names."""


def _author_lines(frame: Any) -> list[str]:
    """The author's lines of a thread, innermost first."""
    found = []
    while frame is not None:
        file = authors(_ROOT, frame.f_code.co_filename)
        if file is not None:
            found.append(f"{file}:{frame.f_lineno}")
        frame = frame.f_back
    return found


def _wait_of(frame: Any) -> tuple[str, str]:
    """What the outermost library function below the author's line waits for, and the thread that it joins."""
    words, joined = "", ""
    while frame is not None and authors(_ROOT, frame.f_code.co_filename) is None:
        file = os.path.basename(frame.f_code.co_filename)
        if file in _WAITS_OF_FILES or "/triage/" not in frame.f_code.co_filename:
            words = _WAITS_OF_FILES.get(file) or _WAITS_OF_FUNCTIONS.get(frame.f_code.co_name, words)
        thread = frame.f_locals.get("self")
        if isinstance(thread, threading.Thread) and words == "the end of a thread":
            joined = thread.name
        frame = frame.f_back
    return words, joined


def _tasks(frame: Any) -> list[str]:
    """The author's lines at which the tasks of the event loop that runs in this thread are suspended."""
    asyncio = sys.modules.get("asyncio")
    while frame is not None and asyncio is not None:
        if frame.f_code.co_name == "run_forever":
            tasks = asyncio.all_tasks(frame.f_locals.get("self"))
            lines: list[str] = []
            for task in sorted(tasks, key=lambda task: task.get_name()):
                for suspended in reversed(task.get_stack()):
                    lines += _author_lines(suspended)[:1]
            return lines
        frame = frame.f_back
    return []


def _threads() -> list[dict[str, Any]]:
    frames = sys._current_frames()
    found = []
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0)
        if frame is None or thread is threading.current_thread():
            continue
        words, joined = _wait_of(frame)
        found.append(
            {
                "name": thread.name,
                "main": thread is threading.main_thread(),
                "born": _STARTED_AT.get(id(thread), ""),
                "frames": [*_tasks(frame)[:6], *_author_lines(frame)[:8]],
                "for": words or waiting_in(os.getpid(), thread.native_id or 0),
                "joins": joined,
            }
        )
    return found


def _watch() -> None:
    """Sample the main thread until the time is up, record what everything waits for, and end the process.

    A test that is at other lines, or that uses the processor, does not hang.
    """
    main = threading.main_thread().ident or 0
    seen: Counter[str] = Counter()
    began = time.process_time()
    for _ in range(_SAMPLES):
        time.sleep(_AFTER / _SAMPLES)
        frame = sys._current_frames().get(main)
        if frame is not None:
            seen[" ".join([*_author_lines(frame)[:6], str(hash(_state(frame)))])] += 1
    _WRITER.write(
        "standing",
        threads=_threads(),
        locks=[lock.described() for lock in list(LOCKS)],
        children=children(os.getpid()),
        moved=len(seen) > 1,
        busy=(time.process_time() - began) / max(_AFTER, 0.01),
    )
    os._exit(_EXIT_CODE)


def _state(frame: Any) -> str:
    """Plain values of the author's innermost frame: a loop that gets on changes some."""
    while frame is not None and authors(_ROOT, frame.f_code.co_filename) is None:
        frame = frame.f_back
    if frame is None:
        return ""
    plain = {name: value for name, value in frame.f_locals.items() if type(value) in (int, float, str, bool)}
    if not plain:
        return str(frame.f_lineno)
    return repr(sorted(plain.items()))[:_STATE_CHARS]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Watch locks and threads from before the author's modules make them."""
    if not _AFTER:
        return
    watch_locks(_ROOT)
    start = threading.Thread.start

    def start_noted(self: threading.Thread) -> None:
        lines = _author_lines(sys._getframe(1))
        _STARTED_AT[id(self)] = lines[0] if lines else ""
        start(self)

    threading.Thread.start = start_noted  # type: ignore[method-assign]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logstart() -> None:
    """Start the time with the test."""
    if _AFTER:
        # where this thread cannot run because C code holds the GIL, the debugger comes a little later
        attach("waits", seconds=_AFTER + 2.0)
        threading.Thread(target=_watch, name="triage-waits", daemon=True).start()

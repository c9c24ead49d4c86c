"""Meter: record what a test takes hold of that another process could hold too.

Files that it writes, makes, moves or removes, and addresses that it binds: events `hold`. Two tests that hold
one thing disturb each other when they run at once, and so does one that holds what the other reads: `read`.
What lies in a folder of pytest's own, or is a port that the system chose, is the test's alone.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from typing import Any

import pytest

from triage.instruments.base import Writer, user_frame

_ROOT = os.path.realpath(os.getcwd())
_PLACES = (
    (_ROOT, ""),
    (os.path.realpath(tempfile.gettempdir()), "$TMPDIR/"),
    (os.path.realpath(os.path.expanduser("~")), "~/"),
)
"""Folders that are others for each process of the laboratory, and how a path below them is shown."""
_WRITER = Writer("holds")
_CHANGES = frozenset(
    {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink"}
)
"""Audit events whose first argument is a path that is made, moved or removed."""
_PRIVATE = ("/pytest-of-", "/__pycache__", "/.pytest_cache", "/.hypothesis")
"""Parts of paths that are made anew for each session, or that Python and pytest share out themselves."""
_CODE = (".py", ".pyc", ".pyi", ".so", ".toml", ".ini", ".cfg")
"""Ends of names of files that tests and tools read all the time."""
_SYSTEM = ("/dev/", "/proc/", "/sys/")
_seen: set[tuple[str, str]] = set()
_running: list[str] = []
"""The test that runs; empty outside of tests."""
_busy = threading.local()
"""Whether this thread handles an event, which opens a file itself."""


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _running or getattr(_busy, "on", False):
        return
    _busy.on = True
    try:
        _note("hold", _held(event, arguments))
        if event == "open" and not _writes(arguments[1], arguments[2]):
            _note("read", _data_file(arguments[0]))
    except Exception:
        pass  # a meter that fails stays silent
    finally:
        _busy.on = False


def _note(what: str, name: str | None) -> None:
    """Write it down once for each test."""
    if name is None or (_running[-1], f"{what} {name}") in _seen:
        return
    where = user_frame(_ROOT, 3)
    if what == "read" and where is None:
        return  # what libraries read for themselves
    _seen.add((_running[-1], f"{what} {name}"))
    _WRITER.write(what, name=name, nodeid=_running[-1], where=where)


def _data_file(path: Any) -> str | None:
    name = _file(path)
    return None if name is None or name.endswith(_CODE) else name


def _held(event: str, arguments: tuple[Any, ...]) -> str | None:
    """The thing, as two processes name it alike; None for what nobody else could hold."""
    if event == "socket.bind":
        return _address(arguments[1])
    if event == "open" and not _writes(arguments[1], arguments[2]):
        return None
    if event in _CHANGES or event == "open":
        return _file(arguments[0])
    if event == "sqlite3.connect":
        return None if arguments[0] in (":memory:", b":memory:", "") else _file(arguments[0])
    return None


def _address(address: Any) -> str | None:
    """HOST:PORT, or the path of a local socket; None where the system chooses."""
    if isinstance(address, str | bytes):
        return _file(address) if address else None
    if not isinstance(address, tuple) or len(address) < 2 or address[1] == 0:
        return None
    return f"the address {address[0]}:{address[1]}"


def _writes(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str):
        return bool(set(mode) & set("wax+"))
    # `os.open` has flags instead of a mode
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def _file(path: Any) -> str | None:
    if not isinstance(path, str | bytes | os.PathLike):
        return None
    name = os.path.realpath(os.fsdecode(path))
    place, within = next(
        ((shown, name[len(folder) :]) for folder, shown in _PLACES if name.startswith(folder + os.sep)),
        ("/", name),
    )
    if name.startswith(_SYSTEM) or any(part in within for part in _PRIVATE):
        return None
    return f"the file {place}{within[1:]}"


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Install the hook, which cannot be removed again: it does nothing outside of tests."""
    sys.addaudithook(_audit)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logstart(nodeid: str) -> None:
    """Ascribe what is held from now on to this test."""
    _running.append(nodeid)


@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish(nodeid: str) -> None:
    """Ascribe what is held from now on to no test."""
    _running.clear()
